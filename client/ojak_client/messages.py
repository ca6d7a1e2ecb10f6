"""Every sentence that a person can see while a verb runs. This file alone holds them.

An id is stable: programs read it in `--json`, and translators find the text under it. A sentence
says what happened, whether it is safe, and what to do next; it never blames and never joins
pieces: what varies stands in quotes after a colon. Texts of the other side become safe when
`i18n.told` fills them in.

To add one: write it here, translate it in `locale/ko` and `locale/zh` under its id as context,
run `python hatch_build.py`; the tests name what is missing.
"""

from ojak_client.i18n import text


class Message:
    """The sentences, each under the name by which verbs say it."""

    # The outcomes that every part of Ojak shares; their wording stands in docs/glossary.md.
    UNCONFIRMED = text(
        "unconfirmed",
        "You could not be confirmed to each other. Nothing was passed on. Agree again another way.",
    )
    TRIES = text(
        "tries",
        "There were failed tries. No letter was opened. Find out whether it was family. "
        'Count: "{n}"',
    )
    LEAVE = text(
        "leave?",
        "Not confirmed yet. An impostor could try two guesses. Leave the letter anyway?",
    )
    NOTHING = text("nothing", "No letter yet. Nothing is wrong. Look next time.")
    EXPIRED = text(
        "expired",
        "This letter is past its time. It cannot be collected. Ask for it again.",
    )
    OFFLINE = text("offline", "No connection. Nothing left this device. Try later.")
    UNSURE = text("unsure", "The line dropped. It may have gone. Send again: only one arrives.")
    WRONG_PLACE = text(
        "wrong-place",
        "This is not our relay. Nothing was sent. Use another connection.",
    )
    REFUSED = text("refused", "The relay takes no letters now. Yours was not sent. Try later.")
    DAMAGED = text("damaged", "The letter is damaged. Nothing leaked. Ask for it again.")
    LEFT = text("left", "Your letter is waiting. No word yet that it arrived. You may switch off.")
    RECEIVED = text(
        "received",
        "Your family opened it. The relay was told to erase it. Nothing more to do.",
    )
    READ_ONCE = text(
        "read-once",
        "This letter shows once. No copy is kept, but people near can see. Open it alone.",
    )
    INPUT = text(
        "input",
        "A character cannot be used or is unfinished. Nothing was sent. Use whole Korean, "
        "Chinese or Latin letters or digits.",
    )
    TOO_BIG = text("too-big", "Too big. Nothing was sent. Make it shorter.")
    MONEY = text(
        "money",
        "The receipt lacks the agreed phrase. The money may not have arrived. Send no more; "
        "ask your family.",
    )
    STOP = text(
        "stop",
        "Your family asks you to stop. The writer knows the codewords. Do not write again.",
    )
    CLEARED = text(
        "cleared",
        "Finished. Nothing was written to this device. Close the window and hand it back.",
    )

    # Meeting, as the guest sees it.
    CONFIRMED = text("confirmed", "You are confirmed to each other. You can exchange letters now.")
    ANSWER_TAKEN = text(
        "answer-taken",
        "Someone took your answers, but no letter for you came. The answers differ, or it is "
        "not your family. Agree again another way.",
    )
    NOBODY_THERE = text(
        "nobody-there",
        "Nobody is there now. Nothing was passed on. Try later, or leave a letter.",
    )
    LOOKING = text("looking", "Looking for your family. Stay here.")
    LETTER_LEFT = text(
        "letter-left",
        "Your letter waits for your family. Not confirmed yet. You may switch off.",
    )
    LEAVE_TOO_WEAK = text(
        "leave-too-weak",
        "These answers are too easy to guess to leave a letter. Nothing was sent. Try again "
        "when your family is there.",
    )
    SHOWN_BEFORE = text(
        "shown-before",
        "This letter may have been shown before. It is the same one.",
    )
    ANSWERS_SPENT = text(
        "answers-spent",
        "These answers were typed on a device that is not yours. Agree new ones with your family.",
    )

    # Meeting, as the host sees it.
    GUEST_CONFIRMED = text(
        "guest-confirmed",
        'Someone who knows the answers came. You are confirmed to each other. Name: "{name}"',
    )
    SOMEONE_CAME = text(
        "someone-came",
        "Someone came and went. Either they did not know the answers, or they did and did not"
        ' reply. Treat the letters offered to that visit as possibly read. Name: "{name}"',
    )
    NUMBER_TAKEN = text(
        "number-taken",
        'Someone else sits at this number. Take a new one. Type: "{ojak} number". Name: "{name}"',
    )
    POINT_CLOSED = text(
        "point-closed",
        "Five tries were not confirmed. This number is closed now. Ask your family, then open"
        ' it again. Type: "{ojak} reopen". Name: "{name}"',
    )
    SET_DEAD = text(
        "set-dead",
        "Twenty tries were not confirmed. These answers cannot be used any more. Agree new "
        'ones. Type: "{ojak} questions". Name: "{name}"',
    )
    LUCK = text("luck", 'The chance that a stranger has guessed so far. One in: "{one_in}"')
    KEEPING = text("keeping", "Waiting for your family. To stop, press Ctrl-C.")
    METERED = text(
        "metered",
        "To use little data, there are 20 to 60 minutes between looks. Whoever comes to the number "
        "may wait an hour, and on a borrowed device may find nobody. Let them leave a letter.",
    )
    KEEP_STOPPED = text(
        "keep-stopped",
        "No longer waiting. Nothing is lost. To wait again, start it again.",
    )

    # Letters and contacts.
    QUEUED = text(
        "queued",
        "Your letter is ready. It has not left this device. It goes with the next connection.",
    )
    KEPT_HERE = text(
        "kept-here",
        "Your letter is kept here. It goes later by itself. Do not write it again.",
    )
    WAITS_FOR_MEETING = text(
        "waits-for-meeting",
        "Your letter is ready. It goes once you are confirmed to each other.",
    )
    NEW_LETTER = text("new-letter", 'A letter came. From: "{name}"')
    LETTERS_UNREAD = text("letters-unread", 'Letters not read yet. Count: "{n}"')
    NO_MORE_KEPT = text(
        "no-more-kept",
        "So many letters are not read yet that no more are kept. More may wait at the relay, for "
        'some days only. Read these, then collect again. Name: "{name}"',
    )
    SYNCED = text("synced", "Done. Letters were sent and collected.")
    TOO_NEW = text("too-new", "This was made by a newer version. It is kept. Get the new version.")
    TOO_NEW_FOR_LONG = text(
        "too-new-for-long",
        "This was made by a newer version. It was kept for a month and is erased now. Ask for it "
        "again.",
    )
    COPY = text(
        "copy",
        "One of the two devices was brought back from an old copy. This conversation has "
        "ended. Meet again with a new number.",
    )
    BOX_SHUT = text(
        "box-shut",
        "Something came that this device cannot open. It was damaged on the way, or this device "
        "was brought back from an old copy. If no letters come any more, meet again with a new "
        'number. From: "{name}"',
    )
    TOO_MANY_WAITING = text(
        "too-many-waiting",
        "Too many letters have no answer yet. Nothing was sent. Wait until your family reads them.",
    )
    EMPTY_LETTER = text("empty-letter", "The letter is empty. Nothing was sent. Write something.")
    NO_CONTACTS = text("no-contacts", "Nobody is kept here yet. Begin with a meeting.")
    NEEDS_NAME = text("needs-name", "There is more than one person. Say whom.")
    UNKNOWN_NAME = text("unknown-name", 'Nobody here has this name. Name: "{name}"')
    CONTACT_GONE = text(
        "contact-gone",
        "Another window changed this name meanwhile, or forgot it. Nothing was kept. Do it again.",
    )
    NAME_EXISTS = text("name-exists", 'This name is taken. Choose another. Name: "{name}"')
    NAME_UNUSABLE = text(
        "name-unusable",
        "This name cannot be used. Use a short one of letters and digits.",
    )
    CONTACT_MET = text("contact-met", 'Name: "{name}" — confirmed')
    CONTACT_AWAITED = text("contact-awaited", 'Name: "{name}" — not met yet')
    CONTACT_ENDED = text("contact-ended", 'Name: "{name}" — ended')
    CONTACT_NOTE = text("contact-note", '    Note: "{note}"')
    NOTE_UNUSABLE = text(
        "note-unusable",
        "This note cannot be used. Nothing was changed. Write at most 200 characters that can be "
        "seen.",
    )

    # The number, the slip and the relay.
    YOUR_NUMBER = text("your-number", 'Number: "{number}"')
    SLIP_RELAY = text("slip-relay", 'Relay: "{relay}"')
    SLIP_QUESTION = text("slip-question", 'Question {n}: "{question}"')
    SLIP_NOTE = text("slip-note", "Others may see the number. Never write the answers down.")
    SLIP_QUESTIONS_NOTE = text(
        "slip-questions-note",
        "The questions tell who you are. Do not give them to the go-between.",
    )
    NUMBER_WRONG = text(
        "number-wrong",
        "The number does not fit. Nothing was sent. Look at the twelve digits again.",
    )
    NEEDS_RELAY = text("needs-relay", "No relay is known. Give its address.")
    BAD_RELAY = text(
        "bad-relay",
        "This address of a relay cannot be used. Nothing was sent. It begins with https://",
    )
    UNSAFE_RELAY = text(
        "unsafe-relay",
        "The way to this relay is open to onlookers. Nothing was sent. Use an address with "
        "https:// or .onion",
    )
    BAD_PROXY = text(
        "bad-proxy",
        "This address of a proxy cannot be used. Nothing was sent. It looks like "
        "socks5h://127.0.0.1:9050",
    )
    PROXY_NEEDED = text(
        "proxy-needed",
        "This relay is reached through Tor only. Nothing was sent. Give the address of Tor's "
        "proxy.",
    )
    PROXY_MISSING = text(
        "proxy-missing",
        "The part for proxies is not installed. Nothing was sent. Install it first.",
    )
    BAD_PASS = text(
        "bad-pass",
        "This pass of the relay cannot be used. Nothing was sent. Look at it again.",
    )

    # What is asked, and what is wrong with what was typed.
    ASK_NAME = text("ask-name", "What do you call this person? ")
    ABOUT_QUESTIONS = text(
        "about-questions",
        "Ask three things that only the family knows. Not names, birthdays, villages, schools"
        " or food.",
    )
    ASK_QUESTION = text("ask-question", "Question {n}: ")
    ABOUT_ANSWERS = text(
        "about-answers",
        "Write each answer as you would call it out. It is not sent, and it is erased from "
        "the screen.",
    )
    ASK_ANSWER = text("ask-answer", "Answer {n}: ")
    ASK_ANSWER_TO = text("ask-answer-to", 'Question {n}: "{question}"\nAnswer: ')
    UNDERSTOOD = text("understood", 'Understood: "{answer}"')
    ASK_UNDERSTOOD = text("ask-understood", "Is this right?")
    WEAK_ANSWERS = text(
        "weak-answers",
        "A stranger could guess these answers. Choose answers that are harder to guess.",
    )
    ASK_WEAK_ANSWERS = text("ask-weak-answers", "Use them anyway?")
    EQUAL_ANSWERS = text(
        "equal-answers",
        "Two answers are the same. Nothing was sent. Write three different ones.",
    )
    ANSWER_EMPTY = text("answer-empty", "An answer is empty. Nothing was sent. Write it.")
    ANSWER_TOO_LONG = text(
        "answer-too-long",
        "An answer is too long. Nothing was sent. Make it shorter.",
    )
    ASK_LETTER = text("ask-letter", "Write the letter. To finish, press Enter on an empty line.")
    ABOUT_NO_LETTER = text("about-no-letter", "To write no letter, press Enter at once.")
    ASK_PASSPHRASE = text("ask-passphrase", "Passphrase: ")
    ABOUT_PASSPHRASE = text(
        "about-passphrase",
        "The passphrase closes what is kept on this device. Nobody can find it again if you "
        "forget it.",
    )
    ASK_NEW_PASSPHRASE = text("ask-new-passphrase", "New passphrase: ")
    ASK_PASSPHRASE_AGAIN = text("ask-passphrase-again", "The same once more: ")
    PASSPHRASES_DIFFER = text(
        "passphrases-differ",
        "The two differ. Nothing was changed. Write them again.",
    )
    PASSPHRASE_EMPTY = text(
        "passphrase-empty",
        "The passphrase is empty. Nothing was changed. Write one.",
    )
    PASSPHRASE_WRONG = text(
        "passphrase-wrong",
        "This passphrase opens nothing here. Nothing was changed. Write it again.",
    )
    PASSPHRASE_TAKEN = text(
        "passphrase-taken",
        "This passphrase cannot be used here. Nothing was changed. Choose another.",
    )
    PASSPHRASE_CHANGED = text(
        "passphrase-changed",
        "The new passphrase opens what is kept. The old one opens nothing any more, except copies "
        "made before. Start anew what is still waiting in another window.",
    )
    PASSPHRASE_UNSURE = text(
        "passphrase-unsure",
        "The new passphrase opens what is kept. But this device does not say that it stays so: "
        "remember the old one as well until the new one opened it after a restart.",
    )
    ABOUT_DECOY = text(
        "about-decoy",
        "The new passphrase opens something empty. It deceives one look. Whoever copies the files "
        "twice, on different days, can see that more than one passphrase is used.",
    )
    ASK_DECOY = text(
        "ask-decoy",
        "What is opened by a passphrase that was not made from this one may be erased. Go on?",
    )
    DECOY_MADE = text(
        "decoy-made",
        "Both passphrases open something of their own. The line that you typed may stand in the "
        "history of this window. Erase it there.",
    )
    DECOY_NOT_MADE = text("decoy-not-made", "Nothing was changed.")
    NO_SLOT_LEFT = text(
        "no-slot-left",
        "There is no room for another passphrase. Nothing was changed.",
    )
    YES_OR_NO = text("yes-or-no", "yes/no")
    PRESS_FOR_NEXT = text("press-for-next", "There is more. Press Enter.")
    PRESS_TO_ERASE = text("press-to-erase", "Press Enter to erase it.")

    # What is kept on an own device.
    VAULT_MISSING = text("vault-missing", "Nothing is kept on this device. Begin with a meeting.")
    VAULT_EXISTS = text("vault-exists", "Something is kept here already. Nothing was changed.")
    VAULT_BUSY = text(
        "vault-busy",
        "Another window is using it now. Nothing was changed. Try again.",
    )
    VAULT_DAMAGED = text(
        "vault-damaged",
        "What is kept on this device is damaged. It cannot be opened. Meet again with a new "
        "number.",
    )
    VAULT_INCOMPLETE = text(
        "vault-incomplete",
        "A file that belongs to what is kept on this device is missing or was cut. Nothing was "
        "changed. Put it back: a copy needs both files.",
    )
    VAULT_TOO_NEW = text(
        "vault-too-new",
        "What is kept on this device was made by a newer version. Get the new version.",
    )
    VAULT_RESTORED = text(
        "vault-restored",
        "An older copy lies where a newer one was. Nothing was changed. Put the newer one "
        "back, or meet again with a new number.",
    )
    VAULT_FULL = text(
        "vault-full",
        "There is no more room for what is kept. Nothing was changed. Read or ask back "
        "letters, or forget somebody to whom you write no more, then try again.",
    )
    NOT_ALL_KEPT = text(
        "not-all-kept",
        "There is no room for all that came. What does not fit stays at the relay, and nothing is "
        "lost. Read letters, or forget somebody to whom you write no more, then try again.",
    )
    NOT_ALL_SEALED = text(
        "not-all-sealed",
        "There is no room to seal all that is to be sent. The rest waits here, and nothing is "
        "lost. Read or ask back letters, or forget somebody to whom you write no more, then try "
        "again.",
    )
    CANNOT_WRITE = text(
        "cannot-write",
        "This device cannot keep it. Nothing was sent. Make room, or use another place.",
    )
    ASK_MOVE = text(
        "ask-move",
        "From now on it opens at the new place only, and everything here is erased. Move it?",
    )
    VAULT_MOVED = text(
        "vault-moved",
        'Moved. Nothing is kept at the old place any more. From now on type: "{command}".',
    )
    MOVE_REMAINS_ERASED = text(
        "move-remains-erased",
        "Nothing was kept here any more, and nothing was moved now. The remains here are erased. "
        "Look whether what lies at the new place is yours.",
    )
    NOT_MOVED = text("not-moved", "Nothing was moved.")
    MOVE_CUT_OFF = text(
        "move-cut-off",
        "What is kept here was being moved, and that was cut off. Nothing is lost. Finish it, "
        "naming the same place.",
    )
    MOVE_NOT_FINISHED = text(
        "move-not-finished",
        "What is kept here was being moved, and that was cut off. Sealed copies may lie at the "
        "other place. Move it again, or erase what lies there. Then take the move back: "
        '"{command}"',
    )
    MOVE_COPIES = text(
        "move-copies",
        "A move to this place was cut off, and sealed copies lie here. Finish it from the old "
        "place, or erase what lies here.",
    )
    ASK_MOVE_BACK = text(
        "ask-move-back",
        "Do this only if the new place is lost for good. If what lies there is used as well, both "
        "end all talks with your family. Use it here again?",
    )
    MOVED_BACK = text("moved-back", "What is kept opens here again. Never use the other place.")
    NO_MOVE_CUT_OFF = text("no-move-cut-off", "No move was cut off here. Nothing was changed.")
    MOVE_PLACE_TAKEN = text(
        "move-place-taken", "Something of Ojak lies at the new place already. Nothing was moved."
    )
    MOVE_NEEDS_PLACE = text("move-needs-place", "Name the folder to which it is to be moved.")
    ASK_WIPE = text(
        "ask-wipe",
        "This erases everything kept on this device. It cannot be undone. Erase it?",
    )
    WIPED = text(
        "wiped",
        "Everything kept here is erased. A trace may stay in the device's storage. Destroy "
        "the device if lives depend on it.",
    )
    NOT_WIPED = text("not-wiped", "Nothing was erased.")
    NOT_ALL_ERASED = text(
        "not-all-erased",
        "Not everything could be erased. Look into the folder, remove what is left there by hand, "
        "and erase once more.",
    )
    ASK_FORGET = text(
        "ask-forget",
        "This erases everything about this person: letters, questions, conversation and number. "
        'They are not told. It cannot be undone. Name: "{name}". Erase it?',
    )
    ASK_TAKE_BACK = text(
        "ask-take-back",
        'Letters that nobody collected may lie at the relay. Count: "{n}". Take them back?',
    )
    FORGOTTEN = text(
        "forgotten", 'Everything kept here about this person is erased. Name: "{name}"'
    )
    RELAY_NOT_TOLD = text(
        "relay-not-told", "The relay was not reached. What lies there could not be taken back."
    )
    LIES_UNTIL = text(
        "lies-until", 'Sealed boxes lie at the relay until their time is over: "{when}"'
    )
    STATUS_UNSENT = text("status-unsent", 'Letters waiting to leave. Count: "{n}"')
    STATUS_UNACKNOWLEDGED = text(
        "status-unacknowledged",
        'Letters without word that they arrived. Count: "{n}"',
    )
    STATUS_TRIES = text(
        "status-tries",
        'Tries that were not confirmed. Name: "{name}". Count: "{n}"',
    )

    GUEST_CAME = text(
        "guest-came",
        'Someone answered at the number. Whether it is family is not known yet. Name: "{name}"',
    )
    GUEST_CONFIRMED_ALARM = text(
        "guest-confirmed-alarm",
        "Someone came with the alarm word. Somebody forces them. Nothing of it shows on "
        'their side. Name: "{name}"',
    )
    ALARM_VISIT = text(
        "alarm-visit",
        "Someone came with the alarm word. Somebody forces them. Nothing of it shows on their "
        'side. Name: "{name}". Visit: "{visit}". Time: "{when}"',
    )
    HELD_VISIT = text(
        "held-visit",
        "Someone came with answers that a stranger may have seen. They get none of your letters "
        'without a yes. To say it, type: "{ojak} allow". Name: "{name}". Visit: "{visit}". Time: '
        '"{when}"',
    )
    CONVERSATION_ENDED = text(
        "conversation-ended",
        "One of the two devices was brought back from an old copy. This conversation has ended. "
        'Meet again with a new number. Name: "{name}". Visit: "{visit}"',
    )
    NO_LETTER = text("no-letter", "No letter yet. Look next time.")
    TAKEN_BACK = text(
        "taken-back", 'A letter of yours was taken back before it was read. Name: "{name}"'
    )
    INTERRUPTED_LETTER = text(
        "interrupted-letter",
        'Showing a letter broke off. It is kept. To see it once more, use: "--again"',
    )
    THREE_QUESTIONS = text("three-questions", "There must be three questions. Nothing was changed.")
    NOW_KEEP = text("now-keep", 'Now begin to wait for your family. Type: "{ojak} keep"')
    REACHED_AGAIN = text("reached-again", "The relay is reached again.")
    STATUS_OF = text("status-of", 'Name: "{name}"')
    STATUS_COLLECTED = text("status-collected", 'Letters that arrived. Count: "{n}"')
    COLLECTED = text(
        "collected",
        "Your letter reached your family's device. Nobody can tell whether it was read. Nothing "
        "more to do.",
    )
    EXPIRED_UNREAD = text(
        "expired-unread",
        'The time of a letter of yours passed before anybody read it. Name: "{name}"',
    )

    # Letters that are not plain text, and questions of one's own.
    NEW_ANSWER = text(
        "new-answer",
        "An answer came and was compared with the other. To see what came of it, type: "
        '"{ojak} read". From: "{name}"',
    )
    STOP_MONEY = text(
        "stop-money",
        "Your family asks you to send no money now. The writer knows the codewords. Do "
        "not send any.",
    )
    FORCED_LETTER = text(
        "forced-letter",
        "This came from somebody who typed the alarm word. Somebody forces them. Do not "
        "do what it asks.",
    )
    HELD_LETTER = text(
        "held-letter",
        "This came from somebody with answers that a stranger may have seen. It may not be your "
        'family. Do nothing that it asks before you know. Visit: "{visit}"',
    )
    STOP_HELD = text(
        "stop-held",
        "They ask you to stop. Whether it is your family is not known. Nothing was changed. Ask "
        "your family another way.",
    )
    STOP_MONEY_HELD = text(
        "stop-money-held",
        "They ask you to send no money now. Whether it is your family is not known. Ask your "
        "family another way.",
    )
    NEXT_QUESTIONS = text("next-questions", 'Next time use other questions. Set: "{set}"')
    NEXT_NUMBER = text("next-number", 'From now on they wait at another number. Number: "{number}"')
    NEXT_RELAY = text("next-relay", 'From now on they use another relay. Relay: "{relay}"')
    USE_RELAY = text("use-relay?", "Use this relay with them from now on?")
    RELAY_CHANGED = text("relay-changed", "From now on this relay is used with them.")
    RELAY_KEPT = text(
        "relay-kept",
        "The relay was not changed. Their letters may not arrive any more. Ask them.",
    )
    RELAY_UNUSABLE = text(
        "relay-unusable",
        "The address of their new relay cannot be used. The relay was not changed. Ask them.",
    )
    RELAY_HELD = text(
        "relay-held",
        "Whether your family uses this relay is not known. The relay was not changed. Ask your "
        "family another way.",
    )
    THEIR_QUESTION = text("their-question", 'They ask you something. Question: "{question}"')
    HOW_TO_ANSWER = text(
        "how-to-answer",
        "Your answer is not sent. Both of you learn only whether the two answers are "
        'the same. To answer, type: "{ojak} answer"',
    )
    SAME_ANSWER = text("same-answer", 'They gave the same answer. Question: "{question}"')
    OTHER_ANSWER = text(
        "other-answer",
        'They gave another answer, or wrote it another way. Question: "{question}"',
    )
    ASK_OWN_QUESTION = text("ask-own-question", "Your question: ")
    ASK_OWN_ANSWER = text("ask-own-answer", 'Your question: "{question}"\nYour own answer: ')
    ASK_ANSWER_TO_THEIRS = text(
        "ask-answer-to-theirs", 'Their question: "{question}"\nYour answer: '
    )
    ONE_GUESS = text(
        "one-guess",
        "Whoever reads the question has one try. If the answer is easy to guess, the "
        "same answer proves little.",
    )
    WEAK_ANSWER = text(
        "weak-answer",
        "A stranger could guess this answer. Ask something whose answer is harder to guess.",
    )
    ASK_WEAK_ANSWER = text("ask-weak-answer", "Use it anyway?")
    TOO_MANY_QUESTIONS = text(
        "too-many-questions",
        "Too many of your questions have no answer yet. Nothing was sent. Wait for the answers.",
    )
    QUESTION_UNUSABLE = text(
        "question-unusable",
        "This question cannot be used. Nothing was sent. Write 1 to 200 characters.",
    )
    NO_QUESTION = text(
        "no-question",
        "No question waits for your answer. Nothing was sent. First read what came.",
    )
    QUESTION_SKIPPED = text("question-skipped", "The question was let go. Nothing was sent.")
    QUESTION_FORCED = text(
        "question-forced",
        "This question came from somebody who typed the alarm word. A true answer helps "
        "whoever forces them. Nothing was sent.",
    )
    ASK_ANSWER_FORCED = text(
        "ask-answer-forced",
        "This question came from somebody who typed the alarm word. A true answer helps "
        "whoever forces them. Answer it?",
    )
    QUESTION_HELD = text(
        "question-held",
        "This question came from somebody with answers that a stranger may have seen. Whoever it "
        "is learns whether your answer is theirs. Nothing was sent.",
    )
    ASK_ANSWER_HELD = text(
        "ask-answer-held",
        "This question came from somebody with answers that a stranger may have seen. Whoever it "
        "is learns whether your answer is theirs. Answer it?",
    )
    ALLOW_BEFORE_ANSWERING = text(
        "allow-before-answering",
        "This question came from somebody with answers that a stranger may have seen. Your answer "
        "goes to nobody before you say yes to that visit. Nothing was sent.",
    )
    ANSWER_NOW = text("answer-now?", "Answer the question now?")
    NOT_ANSWERED = text(
        "not-answered",
        "A question of theirs was not answered. Nothing of it was sent.",
    )
    WRITE_ANYWAY = text("write-anyway?", "They asked you to stop. Write anyway?")
    ASK_STOP = text("ask-stop", "Ask them not to write to you any more?")
    ASK_STOP_MONEY = text("ask-stop-money", "Ask them to send no money?")
    ONE_LINE = text("one-line", "There must be one answer, on one line. Nothing was sent.")

    # Sets of questions, spent answers and the alarm word.
    ABOUT_SPENT = text(
        "about-spent",
        "If you typed these answers on a stranger's device before, use the next set. To choose "
        'it, use: "--set"',
    )
    ANSWERS_WERE_SPENT = text(
        "answers-were-spent",
        "Someone came with answers that a stranger may have seen. Your letters are held. To "
        'give them, type: "{ojak} allow". Name: "{name}"',
    )
    NEW_QUESTIONS_NEEDED = text(
        "new-questions-needed",
        "The answers were typed on a stranger's device. Choose new questions. Type: "
        '"{ojak} questions". Name: "{name}"',
    )
    SEVERAL_HELD = text(
        "several-held",
        "More than one came. Nothing was changed. You are asked about each. Type it again without "
        'this: "--yes". Count: "{n}"',
    )
    ASK_ALLOW = text(
        "ask-allow",
        'Visit: "{visit}". Someone came at {when}. Letters that came with it: "{n}". A stranger '
        "may know these answers. Give your letters all the same?",
    )
    READ_BEFORE_ALLOWING = text(
        "read-before-allowing",
        "Letters that came with a visit are unread. Read them first, to tell who wrote. Type: "
        '"{ojak} read". Visit: "{visit}". Count: "{n}"',
    )
    ALLOWED = text("allowed", "Your letters go to them with the next connection.")
    ALLOWED_LATE = text(
        "allowed-late",
        "They no longer look for letters. Yours wait until they come again.",
    )
    NOBODY_HELD = text("nobody-held", 'No letters are held back. Name: "{name}"')
    NO_NUMBER = text("no-number", 'You do not wait at a number for this person. Name: "{name}"')
    UNKNOWN_SET = text("unknown-set", 'There is no such set of questions. Name: "{name}"')
    SET_EXISTS = text("set-exists", 'This set is there already. Choose another. Set: "{set}"')
    TOO_MANY_SETS = text(
        "too-many-sets",
        "There are four sets of questions that nobody has seen. Nothing was changed. Use them "
        "first.",
    )
    SET_KEPT = text("set-kept", 'Set: "{set}"')
    COME_WITH_SET = text(
        "come-with-set",
        'Who comes with this set types it after the number: "--set {set}"',
    )
    SET_TOLD = text(
        "set-told",
        "Your family is told of this set in a letter, once you are confirmed to each other.",
    )
    SET_AGREED = text("set-agreed", "Nobody is told of this set. Your family must know it.")
    STATUS_SPENT = text(
        "status-spent",
        'A stranger may have seen the answers. Set: "{set}"',
    )
    STATUS_ALARM = text("status-alarm", 'There is an alarm word. Set: "{set}"')
    ASK_ALARM_WORD = text(
        "ask-alarm-word", "Alarm word, to be typed in the place of the last answer: "
    )
    ALARM_WORD_NEAR = text(
        "alarm-word-near",
        "The alarm word is too close to the last answer. Nothing was changed. Choose one that "
        "nobody types by mistake.",
    )
    ALARM_WORD_EASY = text(
        "alarm-word-easy",
        "The alarm word is easier to guess than the last answer. Nothing was changed. Choose "
        "a harder one.",
    )
    FOUR_LINES = text(
        "four-lines",
        "There must be three answers and the alarm word, one on each line. Nothing was changed.",
    )
    OTHER_ANSWERS = text(
        "other-answers",
        "These are not the answers of this set. Nothing was changed. Type them again.",
    )
    ABOUT_HARMLESS = text(
        "about-harmless",
        "Write a letter that anyone may read. It is shown in the place of yours wherever the "
        "alarm word is typed.",
    )
    ALARM_KEPT = text("alarm-kept", "The alarm word works from now on.")
    ALARM_LIMIT = text(
        "alarm-limit",
        "It does not help where someone forces out every word that works. Each letter needs a "
        "harmless one beside it, or it waits.",
    )
    ALARM_REMOVED = text("alarm-removed", "There is no alarm word any more.")
    ALARM_CHANGED_OFTEN = text(
        "alarm-changed-often",
        "The alarm word was changed twice in these days. Nothing was changed. Try again in two "
        "weeks, or take a new number.",
    )
    NUMBER_DROPPED = text(
        "number-dropped",
        "Only this set goes with the new number. Set the alarm word and other sets again.",
    )

    # Letters that have not arrived: taken back, due later, harmless.
    ASKED_BACK = text(
        "asked-back",
        "The letter is asked back. Whether it was read before, only your family's side can tell.",
    )
    ASKED_BACK_LATER = text(
        "asked-back-later",
        "The letter is to be asked back. The relay does not know it yet. It goes with the next "
        "connection.",
    )
    NEVER_OFFERED = text("never-offered", "The letter was offered to nobody. It is erased.")
    NOT_TAKEN_BACK = text(
        "not-taken-back",
        'A letter was read before it could be taken back. Name: "{name}"',
    )
    NOTHING_TO_RECALL = text(
        "nothing-to-recall",
        'No letter can be taken back. Nothing was changed. Name: "{name}"',
    )
    WHICH_LETTER = text("which-letter", "There is more than one letter. Say its number.")
    UNKNOWN_LETTER = text(
        "unknown-letter",
        'There is no such letter to take back. Nothing was changed. Letter: "{letter}"',
    )
    TIME_UNCLEAR = text(
        "time-unclear",
        "This time cannot be understood. Nothing was sent. Write it like 30m, 5h, 3d or "
        "2026-12-24 20:00",
    )
    HOLDING = text("holding", 'Leaves in so many seconds: "{n}". To undo, press any key but Enter.')
    UNDONE = text("undone", "Undone. Nothing was sent, and the letter is not kept.")
    HOLD_UNCLEAR = text(
        "hold-unclear",
        "This time cannot be used. Nothing was sent. Write it like 10s or 2m, ten minutes at most.",
    )
    NOBODY_TO_UNDO = text(
        "nobody-to-undo",
        'There is nobody here who could undo it. Nothing was sent. Leave out: "{option}"',
    )
    TIME_PAST = text("time-past", "This time is past. Nothing was sent. Give a later one.")
    TIME_FAR = text(
        "time-far",
        "This time is over thirty days ahead. Nothing was sent. Give an earlier one.",
    )
    TOO_MANY_TIMED = text(
        "too-many-timed",
        "Eight letters wait for their time already. Nothing was sent. Take one back, or wait.",
    )
    TIMED_LEFT = text("timed-left", 'Your letter waits at the relay. It opens from: "{when}"')
    TIMED_AND_ALARM = text(
        "timed-and-alarm",
        "Because of the alarm word, no visit gets a letter for a later day. It goes to your "
        "family's own device.",
    )
    TIMED_KNOWN = text(
        "timed-known",
        "Your family knows that a letter opens later. Nothing will tell whether it was opened."
        ' Name: "{name}"',
    )
    TIMED_NOT_TAKEN_BACK = text(
        "timed-not-taken-back",
        "Your family knew of the letter before it was asked back. The relay was told to erase "
        'it. Nothing will tell whether it was opened. Name: "{name}"',
    )
    LETTER_FOR_LATER = text(
        "letter-for-later",
        'A letter came that opens later. From: "{name}". It opens from: "{when}"',
    )
    COME_AGAIN = text(
        "come-again",
        'A letter for a later day lies here. Come again after: "{when}"',
    )
    NOT_TOGETHER = text(
        "not-together",
        'These do not go together. Nothing was sent. Look at: "{options}"',
    )
    HARMLESS_KEPT = text(
        "harmless-kept",
        "The harmless letter is kept. Only whoever comes with the alarm word sees it.",
    )
    NOBODY_FORCED = text(
        "nobody-forced",
        'Nobody who came with the alarm word can be written to. Nothing was sent. Name: "{name}"',
    )
    ASK_REOPEN = text(
        "ask-reopen",
        'Whoever comes gets five more tries. Set: "{set}". Tries so far: "{n}". Open it again?',
    )
    REOPENED = text("reopened", 'The number is open for five more tries. Set: "{set}"')
    NOT_CLOSED = text("not-closed", 'Nothing is closed here. Nothing was changed. Name: "{name}"')
    WHICH_SET = text("which-set", 'More than one set is closed. Say which, with: "{option}"')
    LETTER_HERE = text("letter-here", 'Waits on this device. Letter: "{letter}"')
    LETTER_AT_RELAY = text(
        "letter-at-relay",
        'Lies at the relay, no word yet. Letter: "{letter}"',
    )
    LETTER_ASKED_BACK = text(
        "letter-asked-back",
        'Asked back, no word whether it was read. Letter: "{letter}"',
    )
    LETTER_POSSIBLY_READ = text(
        "letter-possibly-read",
        'Possibly read: it was offered to someone who was not confirmed. Letter: "{letter}"',
    )
    LETTER_NEEDS_HARMLESS = text(
        "letter-needs-harmless",
        'Waits for a harmless letter to go with it. Letter: "{letter}"',
    )
    LETTER_HARMLESS = text("letter-harmless", 'Harmless, not used yet. Letter: "{letter}"')
    LETTER_COLLECTED = text(
        "letter-collected",
        'Reached their device, nobody can tell whether it was read. Letter: "{letter}"',
    )
    LETTER_READ = text("letter-read", 'Was on their screen. Letter: "{letter}"')
    LETTER_TAKEN_BACK = text("letter-taken-back", 'Taken back, nobody read it. Letter: "{letter}"')
    LETTER_EXPIRED = text(
        "letter-expired", 'Its time passed, no word whether it was read. Letter: "{letter}"'
    )
    LETTER_EXPIRED_UNREAD = text(
        "letter-expired-unread", 'Its time passed, nobody read it. Letter: "{letter}"'
    )
    LETTER_TIMED_KNOWN = text(
        "letter-timed-known",
        'They know of it, nothing tells whether it was opened. Letter: "{letter}"',
    )
    LETTER_TIMED = text("letter-timed", 'Opens from: "{when}". Letter: "{letter}"')
    STATUS_HARMLESS = text("status-harmless", 'Harmless letters not used yet. Count: "{n}"')
    WRITE_HARMLESS = text(
        "write-harmless",
        'Letters wait because no harmless letter is left. Count: "{n}". To write one, use: '
        '"--harmless"',
    )

    NUMBER_DISTURBED = text(
        "number-disturbed",
        "Something unreadable lay at your number. It counts as no try. If your family does not "
        'get through, use another relay. Name: "{name}"',
    )

    # Going to another relay.
    MOVED = text("moved", "Letters go by this relay from now on.")
    MOVE_TOLD = text(
        "move-told",
        "Your family is told of the new relay in a letter. Until they have read it, both are "
        "looked at.",
    )
    MOVE_AND_ALARM = text(
        "move-and-alarm",
        "Because of the alarm word, no visit is told of it: only your family's own device.",
    )
    SAME_RELAY = text("same-relay", "This relay is in use already. Nothing was changed.")
    MOVING_ALREADY = text(
        "moving-already",
        "Your family has not read of the last change yet. Nothing was changed. Wait for it.",
    )
    BACK_AND_TOLD = text(
        "back-and-told",
        "Letters go by the relay before again, from now on. Your family is told in a letter that "
        "lies there.",
    )
    RELAY_UNANSWERED = text(
        "relay-unanswered",
        "The new relay does not answer. If its address is wrong, you and your family lose each "
        "other.",
    )
    USE_UNANSWERED = text("use-unanswered?", "Use this relay all the same?")
    RELAY_AS_BEFORE = text("relay-as-before", "The relay was not changed. Nobody was told.")
    SLIP_CHANGED = text(
        "slip-changed",
        "Whoever has the number needs the new relay too. Tell them.",
    )

    # How the command was called, and how it ended.
    NEEDS_OPTION = text(
        "needs-option",
        'Something must be given, and there is nobody to ask. Use: "{option}"',
    )
    NEEDS_TO_STDOUT = text(
        "needs-to-stdout",
        "This is not a screen that can show once and erase. Nothing was opened. To print it "
        'all the same, use: "{option}"',
    )
    BAD_DESCRIPTOR = text(
        "bad-descriptor",
        'Nothing can be read from there. Nothing was sent. Look at: "{option}"',
    )
    ONE_SOURCE = text(
        "one-source",
        'One source cannot give two things. Nothing was sent. Look at: "{option}"',
    )
    NOT_UTF8 = text("not-utf8", "The text is not UTF-8. Nothing was sent. Save it as UTF-8.")
    THREE_LINES = text(
        "three-lines",
        "There must be three answers, one on each line. Nothing was sent.",
    )
    IDLE = text(
        "idle",
        "Nothing was typed for a long time. It was closed and erased from the screen. Begin again.",
    )
    INTERRUPTED = text("interrupted", "Stopped.")
    NOT_DONE = text("not-done", "Not done. Nothing was changed.")
    FAULT = text(
        "fault",
        "The program made a mistake and stopped. It was not your fault. Try again; if it "
        "happens again, tell who set it up.",
    )
    CANNOT_SHOW = text(
        "cannot-show",
        "There was no place to write the rest: it is full or closed. What you asked for may be "
        "done: look before you do it again.",
    )
    TYPE_THIS = text("type-this", 'Type: "{command}"')
    PROGRESS = text("progress", "Part {n} of {total}")
