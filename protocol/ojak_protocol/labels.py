"""Every key-derivation label of the protocol, each standing here once and used once.

A label keeps apart what is derived from the same secret: two derivations with different labels
give unrelated keys. Labels of `H` are BLAKE2b personalisations of at most 16 bytes; labels of
`MAC` and `KDF` are messages. Changing one is a new version of the protocol.

Source: docs/protocol.md, "Labels".
"""

from typing import Final

SUITE_NAME: Final = b"ojak-1"
"""No label: the name of version and suite, bound wherever two clients must agree on it."""

# H: BLAKE2b personalisation
H_BOX: Final = b"box"
H_NEXT: Final = b"next"
H_ENDED: Final = b"ended"
H_ACKNOWLEDGE: Final = b"ack"
H_FORM: Final = b"form"
H_MEET: Final = b"meet"
H_MEET_SEAL: Final = b"meet-seal"
H_SESSION: Final = b"sid"
H_NUMBER_SALT: Final = b"number-salt"
H_ANSWERS_SALT: Final = b"answers-salt"
H_SLIP: Final = b"slip"
H_POUCH: Final = b"pouch"
H_PARCEL: Final = b"parcel"
H_ASK: Final = b"ask"
H_ASK_SALT: Final = b"ask-salt"

# MAC: message under a mailbox key or a chain key
MAC_DELETE: Final = b"dk"
MAC_HEADER: Final = b"header"
MAC_BODY: Final = b"body"
MAC_CHAIN: Final = b"chain"

# MAC: message under the file key of a parcel, each followed by the index of the part
MAC_PART: Final = b"part"
MAC_PART_KEY: Final = b"part-key"

# MAC: message under the CPace key of a question
MAC_ASK_REPLY: Final = b"ask-reply"
MAC_ASK_OUTCOME: Final = b"ask-outcome"

# KDF: HKDF info
KDF_MEET: Final = b"meet"
KDF_STEP: Final = b"step"
