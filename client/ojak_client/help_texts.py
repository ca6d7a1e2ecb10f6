"""The texts of `--help`: what each verb and each option is for, in one line."""

from ojak_client.i18n import text


class HelpText:
    """The lines of help."""

    # The command itself and the options of every verb.
    OJAK = text(
        "help-ojak",
        "Find your family again through strangers' hands, and leave nothing behind.",
    )
    FIRST_STEPS = text("help-first-steps", "Examples")
    MORE_OPTIONS = text("help-more-options", "Options for every command: ojak --help")
    OPTIONS_METAVAR = text("help-options-metavar", "[OPTIONS]")
    COMMAND_METAVAR = text("help-command-metavar", "COMMAND [...]")
    LANG = text("help-lang", "Language of the texts.")
    PROFILE = text(
        "help-profile",
        "Keep and look for everything in this folder, on a stick for example.",
    )
    PROFILE_METAVAR = text("help-profile-metavar", "FOLDER")
    RELAY = text("help-relay", "Address of the relay.")
    RELAY_METAVAR = text("help-relay-metavar", "ADDRESS")
    JSON = text("help-json", "One JSON object a line, for programs.")
    NO_INPUT = text("help-no-input", "Never ask; what is missing is an error.")
    YES = text("help-yes", "Answer yes to every question of yes or no.")
    QUIET = text("help-quiet", "Say only what went wrong.")
    VERBOSE = text("help-verbose", "Say more.")
    PASSPHRASE_FD = text("help-passphrase-fd", "Read the passphrase from this open descriptor.")
    PASSPHRASE_CREDENTIAL = text(
        "help-passphrase-credential",
        "Read the passphrase from systemd's credential of this name.",
    )
    ANSWERS_FD = text(
        "help-answers-fd",
        "Read the three answers from this open descriptor, one a line.",
    )
    DESCRIPTOR_METAVAR = text("help-descriptor-metavar", "NUMBER")
    TO_STDOUT = text("help-to-stdout", "Print the letter instead of showing it once.")

    # The verbs.
    INVITE = text("help-invite", "Prepare a meeting: get a number, choose questions and answers.")
    KEEP = text("help-keep", "Wait for your family at the number.")
    METERED = text("help-metered", "Use little data: look once in 20 to 60 minutes only.")
    MEET = text("help-meet", "Come to a number, on your own or a borrowed device.")
    SEND = text("help-send", "Write a letter.")
    READ = text("help-read", "Read the letters that came, each once.")
    SYNC = text("help-sync", "Send and collect letters once.")
    QUESTIONS = text("help-questions", "Choose another set of questions for the same number.")
    ALARM = text("help-alarm", "Set an alarm word: it works, and tells you that they are forced.")
    ALLOW = text("help-allow", "Give letters to someone who came with answers that were spent.")
    NEW_NUMBER = text("help-new-number", "Take another number for the same person.")
    NEW_RELAY = text("help-new-relay", "Go to another relay together with this person.")
    CONTACTS = text("help-contacts", "Show whom you can write to; rename them, keep a note.")
    STATUS = text("help-status", "Show what waits and what happened.")
    FORGET = text("help-forget", "Erase everything about one person.")
    MOVE = text("help-move", "Take everything kept on this device to another folder.")
    MOVE_BACK = text("help-move-back", "Take back a move that was cut off.")
    WIPE = text("help-wipe", "Erase everything kept on this device.")
    NAME_METAVAR = text("help-name-metavar", "NAME")
    NUMBER_METAVAR = text("help-number-metavar", "NUMBER")

    AGREED = text("help-agreed", "Your family knows this set already: send no word of it.")
    NO_ALARM = text("help-no-alarm", "Remove the alarm word.")
    ALARM_FD = text(
        "help-alarm-fd",
        "Read the three answers and the alarm word from this open descriptor, one a line.",
    )
    NAME = text("help-name", "What you call this person.")
    QUESTION = text("help-question", "A question only the family can answer; give it three times.")
    QUESTION_METAVAR = text("help-question-metavar", "QUESTION")
    PROXY = text("help-proxy", "Reach the relay through this proxy, for Tor.")
    PROXY_METAVAR = text("help-proxy-metavar", "ADDRESS")
    AT_ONCE = text(
        "help-at-once", "Offer the letter as soon as someone answers, before they reply."
    )
    WAIT_FOR_REPLY = text("help-wait-for-reply", "Hold the letter until the other side replied.")
    AGAIN = text("help-again", "Show letters, too, whose showing broke off.")
    RENAME = text("help-rename", "Call this person so from now on; nobody is told.")
    NOTE = text("help-note", "Keep this note of them; nobody is told. An empty one removes it.")
    NOTE_METAVAR = text("help-note-metavar", "NOTE")
    OPTIONAL_NAME_METAVAR = text("help-optional-name-metavar", "[NAME]")
    SET = text("help-set", "Number of the agreed set of questions.")
    SET_METAVAR = text("help-set-metavar", "NUMBER")
    LETTER = text("help-letter", "Read your letter from standard input.")
    LEAVE = text("help-leave", "Leave the letter if nobody is there.")
    OWN = text("help-own", "This is your own device: keep the conversation under this name.")
    WAIT = text("help-wait", "How long to look for your family.")
    SECONDS_METAVAR = text("help-seconds-metavar", "SECONDS")

    RECALL = text("help-recall", "Take back a letter that has not arrived.")
    REOPEN = text("help-reopen", "Let five more tries come to a closed number.")
    LETTER_METAVAR = text("help-letter-metavar", "[LETTER]")
    AFTER = text("help-after", "Let the letter open only after this time: 30m, 5h or 3d.")
    AFTER_METAVAR = text("help-after-metavar", "TIME")
    AT = text("help-at", "Let the letter open only from this day and time of this place.")
    AT_METAVAR = text("help-at-metavar", "DAY")
    HOLD = text("help-hold", "Count so long down, to undo it, before it leaves: 10s or 2m.")
    HARMLESS = text("help-harmless", "A harmless letter, for whoever comes with the alarm word.")
    FORCED = text("help-forced", "Only for the person who came with the alarm word.")
    # Questions of one's own, and stopping.
    ASK = text("help-ask", "Ask something, and learn whether both answers are the same.")
    ANSWER = text("help-answer", "Answer a question that came.")
    STOP = text("help-stop", "Ask somebody not to write any more, or to send no money.")
    OWN_QUESTION = text("help-own-question", "Your question, at most 200 characters.")
    ANSWER_FD = text("help-answer-fd", "Read the answer from this open descriptor.")
    ANSWER_FD_OF_VISIT = text(
        "help-answer-fd-of-visit",
        "If a question comes, read the answer to it from this open descriptor.",
    )
    # Passphrases.
    PASSPHRASE = text("help-passphrase", "Change the passphrase of what is kept on this device.")
    DECOY = text("help-decoy", "Keep this passphrase, and let the new one open something empty.")
    NEW_PASSPHRASE_FD = text(
        "help-new-passphrase-fd", "Read the new passphrase from this open descriptor."
    )
    SKIP = text("help-skip", "Let the oldest question go without an answer.")
    STOP_MONEY = text("help-stop-money", "Ask them to send no money.")
