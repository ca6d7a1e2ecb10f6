------------------------- MODULE DeleteAfterRecord -------------------------
(* A reader that records and then deletes, a writer that repeats its deposits until they are
   acknowledged, and a relay that remembers for a while what was deleted.

   In the code                                            here
     conversation.due, requests._deposits                 Ask: first time and again
     store/base.py judge, MemoryStore._deposit            Arrive
     MemoryStore.apply, deleted.py DeletedLately          Delete, Forgets, RelayRestarts
     MemoryStore.look                                     Fetch
     conversation.receive, apply, Store.update            Record
     conversation.deletes, requests._deletes              readerDisk.deletes
     reading.show_letters                                 Show
     acknowledgement.heard                                Acknowledge

   A deposit may stay on its way for as long as the network likes, and so come after its box was
   read and deleted. Time is counted in ticks: Remembered stands for the hour, Ttl for the box's
   time to live. *)
EXTENDS Naturals, FiniteSets

CONSTANTS
  Boxes,              \* how many boxes the writer has
  Ttl, Remembered,    \* in ticks; the relay remembers a deletion for less than a box lives
  LastTick,
  MostCrashes, MostRestarts,
  DeleteBeforeRecord, \* planted fault: the reader deletes what it has only in memory
  NoMemoryOfDeleted,  \* planted fault: the relay forgets at once what was deleted
  KeysKept            \* planted fault: the reader opens again what it opened before

Ids == 1..Boxes
Never == LastTick + Ttl + 1

VARIABLES
  now,
  expires,            \* at the relay: when the box at each id ends; 0: nothing lies there
  deletedAt,          \* at the relay, in memory: when a box was deleted there; Never: not known
  flying,             \* deposits on their way
  kept,               \* boxes that the writer keeps because they are not acknowledged
  fetched,            \* in the reader's memory: boxes of a reply not yet recorded
  recorded, deletes,  \* on the reader's disk: opened boxes; delete keys still to be shown
  inbox,              \* on the reader's disk: letters not yet shown
  shown,              \* how often each was shown
  gone,               \* boxes that a delete of the reader removed, and when; Never: not so
  crashes, restarts

vars == <<now, expires, deletedAt, flying, kept, fetched, recorded, deletes, inbox, shown, gone, crashes,
          restarts>>

Init ==
  /\ now = 1 /\ flying = {} /\ kept = Ids /\ fetched = {} /\ recorded = {} /\ deletes = {} /\ inbox = {}
  /\ expires = [i \in Ids |-> 0] /\ deletedAt = [i \in Ids |-> Never]
  /\ gone = [i \in Ids |-> Never] /\ shown = [i \in Ids |-> 0]
  /\ crashes = 0 /\ restarts = 0

Lying == {i \in Ids : now < expires[i]}
DeletedLately == {i \in Ids : deletedAt[i] # Never /\ now - deletedAt[i] < Remembered}

------------------------------------------------------------------------------
(* The writer *)

Ask(i) ==
  /\ i \in kept /\ i \notin flying
  /\ flying' = flying \cup {i}
  /\ UNCHANGED <<now, expires, deletedAt, kept, fetched, recorded, deletes, inbox, shown, gone,
                 crashes, restarts>>

Acknowledge(i) ==
  /\ i \in kept \cap recorded
  /\ kept' = kept \ {i}
  /\ UNCHANGED <<now, expires, deletedAt, flying, fetched, recorded, deletes, inbox, shown,
                 gone, crashes, restarts>>

------------------------------------------------------------------------------
(* The relay. The same bytes again change nothing, not even the time to live. *)

Arrive(i) ==
  /\ i \in flying
  /\ \/ flying' = flying \ {i}
     \/ flying' = flying          \* the answer was lost, or somebody plays the request again
  /\ expires' = IF i \in Lying \/ i \in DeletedLately
                THEN expires
                ELSE [expires EXCEPT ![i] = now + Ttl]
  /\ UNCHANGED <<now, deletedAt, kept, fetched, recorded, deletes, inbox, shown, gone, crashes,
                 restarts>>

Lost(i) ==
  /\ i \in flying
  /\ flying' = flying \ {i}
  /\ UNCHANGED <<now, expires, deletedAt, kept, fetched, recorded, deletes, inbox, shown, gone,
                 crashes, restarts>>

RelayRestarts ==
  /\ restarts < MostRestarts /\ \E i \in Ids : deletedAt[i] # Never
  /\ restarts' = restarts + 1
  /\ deletedAt' = [i \in Ids |-> Never]
  /\ UNCHANGED <<now, expires, flying, kept, fetched, recorded, deletes, inbox, shown, gone,
                 crashes>>

Tick ==
  /\ now < LastTick
  /\ now' = now + 1
  /\ UNCHANGED <<expires, deletedAt, flying, kept, fetched, recorded, deletes, inbox, shown,
                 gone, crashes, restarts>>

------------------------------------------------------------------------------
(* The reader *)

Fetch(i) ==
  /\ i \in Lying
  /\ fetched' = fetched \cup {i}
  /\ UNCHANGED <<now, expires, deletedAt, flying, kept, recorded, deletes, inbox, shown, gone,
                 crashes, restarts>>

(* A box whose keys are gone does not open: it is left alone, and not deleted a second time. *)
Record(i) ==
  /\ i \in fetched
  /\ fetched' = fetched \ {i}
  /\ IF i \in recorded /\ ~KeysKept
     THEN UNCHANGED <<recorded, deletes, inbox>>
     ELSE /\ recorded' = recorded \cup {i}
          /\ deletes' = deletes \cup {i}
          /\ inbox' = inbox \cup {i}
  /\ UNCHANGED <<now, expires, deletedAt, flying, kept, shown, gone, crashes, restarts>>

(* The delete reaches the relay. A delete that finds nothing leaves no mark. *)
Delete(i) ==
  /\ i \in deletes \/ (DeleteBeforeRecord /\ i \in fetched)
  /\ expires' = [expires EXCEPT ![i] = 0]
  /\ deletedAt' = IF i \in Lying /\ ~NoMemoryOfDeleted
                  THEN [deletedAt EXCEPT ![i] = now] ELSE deletedAt
  /\ gone' = IF i \in Lying THEN [gone EXCEPT ![i] = now] ELSE gone
  /\ \/ deletes' = deletes \ {i}  \* the answer arrived, and was recorded
     \/ deletes' = deletes        \* it did not: the same delete is shown again
  /\ UNCHANGED <<now, flying, kept, fetched, recorded, inbox, shown, crashes, restarts>>

Show(i) ==
  /\ i \in inbox
  /\ inbox' = inbox \ {i}
  /\ shown' = [shown EXCEPT ![i] = @ + 1]
  /\ UNCHANGED <<now, expires, deletedAt, flying, kept, fetched, recorded, deletes, gone,
                 crashes, restarts>>

Crash ==
  /\ crashes < MostCrashes /\ fetched # {}
  /\ crashes' = crashes + 1 /\ fetched' = {}
  /\ UNCHANGED <<now, expires, deletedAt, flying, kept, recorded, deletes, inbox, shown, gone,
                 restarts>>

Next ==
  \/ Tick \/ Crash \/ RelayRestarts
  \/ \E i \in Ids : \/ Ask(i) \/ Acknowledge(i) \/ Arrive(i) \/ Lost(i)
                    \/ Fetch(i) \/ Record(i) \/ Delete(i) \/ Show(i)

Spec == Init /\ [][Next]_vars

------------------------------------------------------------------------------

(* What a reader deleted is on its disk, whatever happened to the reader since. *)
DeletedIsRecorded == \A i \in Ids : gone[i] # Never => i \in recorded

(* Within the hour nothing brings a deleted box back, unless the relay was started again. *)
NotBackWithinTheHour ==
  \A i \in Lying : gone[i] # Never /\ now - gone[i] < Remembered => restarts > 0

(* A box that is back is one that its reader has recorded: nobody opens it any more. *)
BackOnlyUnread == \A i \in Lying : gone[i] # Never => i \in recorded

(* Acknowledged, a letter is in nobody's hands but the reader's. *)
AcknowledgedIsRecorded == \A i \in Ids \ kept : i \in recorded

ShownOnce == \A i \in Ids : shown[i] <= 1

(* What was not recorded, its writer still has. *)
NothingLost == \A i \in Ids : i \in kept \/ i \in recorded

(* Not invariants: their violation shows that these things can happen. *)
NeverBack == \A i \in Lying : gone[i] = Never
NeverAllDone == ~(kept = {} /\ deletes = {} /\ Lying = {} /\ \A i \in Ids : shown[i] = 1)

=============================================================================
