-------------------------- MODULE CountBeforeSend --------------------------
(* A host at its meeting point, who may die between taking an answer, saving and sending; strangers
   who answer runs; relatives whose confirmations may come late, or never.

   In the code                                            here
     the deposit of an answer, guest.attempt              Answer
     meeting_point.answer_places, take, apply._take       Take
     Store.update                                         Save
     exchange.round, requests._branch_deposits            Send
     meeting_point.confirm, _without                      Confirm
     meeting_point.forget_visits                          Forget
     meeting_point.reopen                                 Reopen

   A stranger has tested his guess once a request was made in which the host uses the keys of his
   run: it deposits boxes for that visit, or only looks at its places. Both show ids that follow
   from the keys. The numbers 5 and 20 stand as ClosesAt and DiesAt. *)
EXTENDS Naturals, FiniteSets

CONSTANTS
  Runs,                   \* how many runs can be answered
  ClosesAt, DiesAt,
  MostReopened, MostCrashes,
  SendBeforeCount,        \* planted fault: requests are made from memory, saved afterwards
  ConfirmKnowsReopening   \* TRUE: as in the code; FALSE: as it was, see CountIsOfThisOpening

All == 1..Runs

VARIABLES
  lies,            \* who answered each run: "nobody", "stranger", "relative", "late"
  host, disk,      \* taken: runs consumed; visits: those not yet confirmed or forgotten;
                   \* offered: visits with boxes; counted, unconfirmed
  sent,            \* runs whose keys a request has shown
  opening,         \* how often the point was reopened; durable
  offeredAt,       \* at which opening each run was offered something, for the properties alone
  confirmed,       \* runs that were confirmed, durably
  crashes

vars == <<lies, host, disk, sent, opening, offeredAt, confirmed, crashes>>

Start == [taken |-> {}, visits |-> {}, offered |-> {}, counted |-> 0, unconfirmed |-> 0]

Init ==
  /\ lies = [r \in All |-> "nobody"]
  /\ host = Start /\ disk = Start
  /\ sent = {} /\ opening = 0 /\ confirmed = {} /\ crashes = 0
  /\ offeredAt = [r \in All |-> 0]

Dead(point) == point.unconfirmed >= DiesAt
Closed(point) == point.counted >= ClosesAt \/ Dead(point)
LessOne(n) == IF n > 0 THEN n - 1 ELSE 0

(* Runs are answered in order: the lowest whose place is free. "late": its guest has stopped
   looking before the host comes to it. *)
Answer(r, who) ==
  /\ lies[r] = "nobody" /\ \A lower \in 1..(r - 1) : lies[lower] # "nobody"
  /\ lies' = [lies EXCEPT ![r] = who]
  /\ UNCHANGED <<host, disk, sent, opening, offeredAt, confirmed, crashes>>

Take(r) ==
  /\ host = disk /\ ~Dead(host) /\ lies[r] # "nobody" /\ r \notin host.taken
  /\ LET offers == ~Closed(host) /\ lies[r] # "late" IN
     /\ host' = [taken |-> host.taken \cup {r},
                 visits |-> host.visits \cup {r},
                 offered |-> IF offers THEN host.offered \cup {r} ELSE host.offered,
                 counted |-> IF offers THEN host.counted + 1 ELSE host.counted,
                 unconfirmed |-> host.unconfirmed + 1]
     /\ offeredAt' = IF offers THEN [offeredAt EXCEPT ![r] = opening] ELSE offeredAt
  /\ UNCHANGED <<lies, disk, sent, opening, confirmed, crashes>>

Save ==
  /\ host # disk
  /\ disk' = host
  /\ UNCHANGED <<lies, host, sent, opening, offeredAt, confirmed, crashes>>

Send ==
  /\ SendBeforeCount \/ host = disk
  /\ sent' = sent \cup host.visits
  /\ UNCHANGED <<lies, host, disk, opening, offeredAt, confirmed, crashes>>

(* A box opens in one of the visit's branches: after boxes were sent, or as a left letter, which
   needs none. Taken in one piece with its save. *)
Confirm(r) ==
  /\ host = disk /\ r \in host.visits /\ r \in sent /\ lies[r] \in {"relative", "late"}
  /\ host' = [host EXCEPT
       !.visits = @ \ {r},
       !.counted = IF r \in host.offered /\ (ConfirmKnowsReopening => offeredAt[r] = opening)
                   THEN LessOne(@) ELSE @,
       !.unconfirmed = LessOne(@)]
  /\ disk' = host'
  /\ confirmed' = confirmed \cup {r}
  /\ UNCHANGED <<lies, sent, opening, offeredAt, crashes>>

(* After seven days a visit can no longer be confirmed; the counts stay. *)
Forget(r) ==
  /\ host = disk /\ r \in host.visits
  /\ host' = [host EXCEPT !.visits = @ \ {r}] /\ disk' = host'
  /\ UNCHANGED <<lies, sent, opening, offeredAt, confirmed, crashes>>

Reopen ==
  /\ host = disk /\ host.counted >= ClosesAt /\ opening < MostReopened
  /\ host' = [host EXCEPT !.counted = 0] /\ disk' = host'
  /\ opening' = opening + 1
  /\ UNCHANGED <<lies, sent, offeredAt, confirmed, crashes>>

Crash ==
  /\ crashes < MostCrashes /\ host # disk
  /\ crashes' = crashes + 1 /\ host' = disk
  /\ UNCHANGED <<lies, disk, sent, opening, offeredAt, confirmed>>

Next ==
  \/ Save \/ Send \/ Reopen \/ Crash
  \/ \E r \in All : \/ Take(r) \/ Confirm(r) \/ Forget(r)
                    \/ \E who \in {"stranger", "relative", "late"} : Answer(r, who)

Spec == Init /\ [][Next]_vars

------------------------------------------------------------------------------

Tested == {r \in sent : lies[r] = "stranger"}

(* Every guess that was tested is counted on the disk, whatever crashed. *)
TestedIsCounted == Cardinality(Tested) <= disk.unconfirmed

TestedIsTaken == sent \subseteq disk.taken

(* A set of answers is dead before one guess more. *)
NoGuessTooMany == Cardinality(Tested) <= DiesAt

(* A confirmation takes its own run back, and nothing else lowers the count. *)
CountIsExact == disk.unconfirmed = Cardinality(disk.taken \ confirmed)

(* The same for the count that closes the point: the runs offered since it was last opened. The
   code once broke this: a run offered before the reopening, confirmed after it, took back the
   run of somebody else. *)
CountIsOfThisOpening ==
  disk.counted =
    Cardinality({r \in disk.offered \ confirmed : offeredAt[r] = opening})

(* What the person allowed at each opening is not passed, save for confirmations. *)
FiveAtATime ==
  \A n \in 0..MostReopened :
    Cardinality({r \in disk.offered \ confirmed : offeredAt[r] = n}) <= ClosesAt

(* While the point is closed nothing new is offered; what was offered goes on. *)
OfferedIsCounted == Cardinality(disk.offered \ confirmed) <= disk.unconfirmed

(* Not invariants: their violation shows that these things can happen. *)
NeverDead == ~Dead(disk)
NeverReopenedAndConfirmed == ~(opening > 0 /\ \E r \in confirmed : lies[r] = "late")

=============================================================================
