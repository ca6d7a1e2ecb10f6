------------------------- MODULE PersistBeforeSend -------------------------
(* A writer and a reader of one direction of a conversation. Either may die at any moment and
   goes on from its disk; the relay loses and repeats as it likes.

   In the code                                            here
     Store.update: load, change, save in one piece        a change of memory, then WriterSaves
     Exchange.round: what is sent is made from the disk   ReadyToSend
     conversation.write, ratchet.seal                     Seal
     conversation.expire, conversation.recall             Withdraw
     conversation.receive, arriving.record_arrival        Open
     acknowledgement.acknowledge, heard                   Tell, Hear
     reading.show_letters: mark, show, erase              Mark, Show, Erase

   A place is its index in the chain; its key follows from the index alone. The random numbers
   are as bad as they can be: the same ones come again after every crash, so that what holds here
   does not rest on them. *)
EXTENDS Naturals, FiniteSets

CONSTANTS
  Letters,          \* how many letters the writer's person writes
  MostTold,         \* how often what a new box says of the other direction may change
  MostCrashes,
  SendBeforePersist,\* planted fault: requests are made from memory, saved afterwards
  ShowBeforeMark    \* planted fault: a letter is on the screen before its mark is saved

Places == 1..Letters
Forms == {"letter", "withdrawn"}

(* A sealed box: its place (which is its key), its nonce and what it says. With these random
   numbers the nonce is the same for the same form of the same place. *)
Box(place, form, letter, told) ==
  [place |-> place, nonce |-> form,
   says |-> IF form = "letter" THEN <<"letter", letter, told>> ELSE <<"withdrawn", 0, told>>]

Nothing == [place |-> 0]

VARIABLES
  writer, writerDisk,  \* outbox: place -> [letter, told, form] or 0; settled: letter -> state
  reader, readerDisk,  \* opened: place -> box or Nothing; inbox: letters kept; marked: begun
  told,                \* what a box sealed now says of the other direction; durable
  given,               \* every box that ever left the writer: the relay may hold and repeat it
  acks,                \* every acknowledgement that ever left the reader
  showing,             \* the letter on the reader's screen, or 0
  unasked, asked,      \* how often each letter was shown
  crashes

vars == <<writer, writerDisk, reader, readerDisk, told, given, acks, showing, unasked, asked,
          crashes>>

Empty == [letter |-> 0, told |-> 0, form |-> "letter"]
NewWriter == [outbox |-> [p \in Places |-> Empty], settled |-> [l \in 1..Letters |-> "waiting"],
              heard |-> 0, broken |-> FALSE]
NewReader == [opened |-> [p \in Places |-> Nothing], inbox |-> {}, marked |-> {}]

Init ==
  /\ writer = NewWriter /\ writerDisk = NewWriter
  /\ reader = NewReader /\ readerDisk = NewReader
  /\ told = 0 /\ given = {} /\ acks = {} /\ showing = 0 /\ crashes = 0
  /\ unasked = [l \in 1..Letters |-> 0] /\ asked = [l \in 1..Letters |-> 0]

------------------------------------------------------------------------------
(* The writer *)

Free == {p \in Places : writer.outbox[p].letter = 0}
Sealed == {writer.outbox[p].letter : p \in Places}

(* The oldest waiting letter goes into the next place, with what is to be told by then. *)
Seal ==
  /\ Free # {} /\ ~writer.broken
  /\ LET p == CHOOSE q \in Free : \A other \in Free : q <= other
         l == CHOOSE m \in (1..Letters) \ Sealed : \A other \in (1..Letters) \ Sealed : m <= other
     IN writer' = [writer EXCEPT !.outbox[p] = [letter |-> l, told |-> told, form |-> "letter"]]
  /\ UNCHANGED <<writerDisk, reader, readerDisk, told, given, acks, showing, unasked, asked,
                 crashes>>

Withdraw(p) ==
  /\ writer.outbox[p].letter # 0 /\ writer.outbox[p].form = "letter" /\ p > writer.heard
  /\ writer' = [writer EXCEPT !.outbox[p].form = "withdrawn"]
  /\ UNCHANGED <<writerDisk, reader, readerDisk, told, given, acks, showing, unasked, asked,
                 crashes>>

(* Something arrived from the other side, and was saved: the next box will say so. *)
Learn ==
  /\ told < MostTold /\ writer = writerDisk
  /\ told' = told + 1
  /\ UNCHANGED <<writer, writerDisk, reader, readerDisk, given, acks, showing, unasked, asked,
                 crashes>>

WriterSaves ==
  /\ writer # writerDisk
  /\ writerDisk' = writer
  /\ UNCHANGED <<writer, reader, readerDisk, told, given, acks, showing, unasked, asked, crashes>>

ReadyToSend == SendBeforePersist \/ writer = writerDisk

(* First deposit and every repetition: whatever is unacknowledged, at any time. *)
Deposit(p) ==
  LET out == writer.outbox[p] IN
  /\ ReadyToSend /\ ~writer.broken /\ out.letter # 0 /\ p > writer.heard
  /\ given' = given \cup {Box(p, out.form, out.letter, out.told)}
  /\ UNCHANGED <<writer, writerDisk, reader, readerDisk, told, acks, showing, unasked, asked,
                 crashes>>

(* The writer keeps both boxes of a place and compares with either. *)
Fits(p, box) ==
  LET out == writer.outbox[p] IN
  \E form \in Forms : out.letter # 0 /\ box = Box(p, form, out.letter, out.told)

Hear(ack) ==
  /\ ack \in acks /\ ~writer.broken /\ ack.count > writer.heard
  /\ writer' =
       IF \A p \in 1..ack.count : Fits(p, ack.boxes[p])
       THEN [writer EXCEPT
               !.heard = ack.count,
               !.settled = [l \in 1..Letters |->
                 IF \E p \in 1..ack.count : writer.outbox[p].letter = l
                 THEN LET p == CHOOSE q \in 1..ack.count : writer.outbox[q].letter = l
                      IN IF ack.boxes[p].nonce = "letter" THEN "collected" ELSE "taken back"
                 ELSE writer.settled[l]]]
       ELSE [writer EXCEPT !.broken = TRUE]
  /\ UNCHANGED <<writerDisk, reader, readerDisk, told, given, acks, showing, unasked, asked,
                 crashes>>

------------------------------------------------------------------------------
(* The reader. A place whose key is gone is not opened again: whatever lies there is left alone. *)

Open(box) ==
  /\ box \in given /\ showing = 0 /\ reader.opened[box.place] = Nothing
  /\ reader' = [reader EXCEPT
                  !.opened[box.place] = box,
                  !.inbox = IF box.nonce = "letter" THEN @ \cup {box.says[2]} ELSE @]
  /\ UNCHANGED <<writer, writerDisk, readerDisk, told, given, acks, showing, unasked, asked,
                 crashes>>

ReaderSaves ==
  /\ reader # readerDisk
  /\ readerDisk' = reader
  /\ UNCHANGED <<writer, writerDisk, reader, told, given, acks, showing, unasked, asked, crashes>>

(* How many places were folded: strictly in order, a gap stops it. *)
Folded == CHOOSE n \in 0..Letters :
  /\ \A p \in 1..n : readerDisk.opened[p] # Nothing
  /\ n = Letters \/ readerDisk.opened[n + 1] = Nothing

Tell ==
  /\ reader = readerDisk /\ Folded > 0
  /\ acks' = acks \cup {[count |-> Folded, boxes |-> [p \in 1..Folded |-> readerDisk.opened[p]]]}
  /\ UNCHANGED <<writer, writerDisk, reader, readerDisk, told, given, showing, unasked, asked,
                 crashes>>

(* _marking: saved before the letter is on the screen. *)
Mark(l) ==
  /\ showing = 0 /\ reader = readerDisk /\ l \in reader.inbox /\ l \notin reader.marked
  /\ reader' = [reader EXCEPT !.marked = @ \cup {l}]
  /\ readerDisk' = IF ShowBeforeMark THEN readerDisk ELSE reader'
  /\ showing' = l
  /\ unasked' = [unasked EXCEPT ![l] = @ + 1]
  /\ UNCHANGED <<writer, writerDisk, told, given, acks, asked, crashes>>

(* read --again: a letter whose showing was interrupted. *)
ShowAgain(l) ==
  /\ showing = 0 /\ reader = readerDisk /\ l \in reader.inbox \cap reader.marked
  /\ asked[l] < 2
  /\ showing' = l
  /\ asked' = [asked EXCEPT ![l] = @ + 1]
  /\ UNCHANGED <<writer, writerDisk, reader, readerDisk, told, given, acks, unasked, crashes>>

Erase ==
  /\ showing # 0
  /\ reader' = [reader EXCEPT !.inbox = @ \ {showing}]
  /\ readerDisk' = reader'
  /\ showing' = 0
  /\ UNCHANGED <<writer, writerDisk, told, given, acks, unasked, asked, crashes>>

------------------------------------------------------------------------------

WriterCrashes ==
  /\ crashes < MostCrashes /\ writer # writerDisk
  /\ crashes' = crashes + 1 /\ writer' = writerDisk
  /\ UNCHANGED <<writerDisk, reader, readerDisk, told, given, acks, showing, unasked, asked>>

ReaderCrashes ==
  /\ crashes < MostCrashes /\ (reader # readerDisk \/ showing # 0)
  /\ crashes' = crashes + 1 /\ reader' = readerDisk /\ showing' = 0
  /\ UNCHANGED <<writer, writerDisk, readerDisk, told, given, acks, unasked, asked>>

Next ==
  \/ Seal \/ Learn \/ WriterSaves \/ WriterCrashes
  \/ ReaderSaves \/ ReaderCrashes \/ Tell \/ Erase
  \/ \E p \in Places : Withdraw(p) \/ Deposit(p)
  \/ \E box \in given : Open(box)
  \/ \E ack \in acks : Hear(ack)
  \/ \E l \in 1..Letters : Mark(l) \/ ShowAgain(l)

Spec == Init /\ [][Next]_vars

------------------------------------------------------------------------------

(* No key and nonce are used for two plaintexts. *)
NonceOnce == \A a, b \in given : a.place = b.place /\ a.nonce = b.nonce => a.says = b.says

(* What is repeated is identical: of each place there are at most two boxes in the world. *)
RetriesAreIdentical ==
  \A p \in Places : Cardinality({box \in given : box.place = p}) <= Cardinality(Forms)

(* A crash never looks like a copy of the device. *)
NoFalseAlarm == ~writer.broken

ShownOnceUnasked == \A l \in 1..Letters : unasked[l] <= 1

(* What was recorded was shown, or is still there to be shown. *)
NothingRecordedIsLost ==
  \A p \in Places :
    readerDisk.opened[p] # Nothing /\ readerDisk.opened[p].nonce = "letter" =>
      LET l == readerDisk.opened[p].says[2] IN l \in readerDisk.inbox \/ unasked[l] + asked[l] > 0

(* The writer is told "collected" only of what the other side has on its disk. *)
CollectedIsRecorded ==
  \A l \in 1..Letters : writer.settled[l] = "collected" =>
    \E p \in Places : readerDisk.opened[p] # Nothing /\ readerDisk.opened[p].says[2] = l

(* And "taken back" only of what it will never see. *)
TakenBackIsUnseen ==
  \A l \in 1..Letters : writer.settled[l] = "taken back" => unasked[l] + asked[l] = 0

(* Until then a letter is in the writer's hands, to be sent again. *)
UnsettledIsKept ==
  \A l \in 1..Letters : writerDisk.settled[l] = "waiting" =>
    \/ \A p \in Places : writerDisk.outbox[p].letter # l
    \/ \E p \in Places : writerDisk.outbox[p].letter = l /\ p > writerDisk.heard

(* Not an invariant: its violation shows that the whole way can be gone. *)
NeverAllDone ==
  ~(/\ \A l \in 1..Letters : writer.settled[l] # "waiting"
    /\ \E l \in 1..Letters : writer.settled[l] = "collected" /\ unasked[l] = 1 /\ asked[l] = 1)

=============================================================================
