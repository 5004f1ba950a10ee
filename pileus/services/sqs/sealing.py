"""A message as it is kept: plain, or sealed with its queue's data key (SSE-SQS).

Each queue has a data key of its own, wrapped by the cloud's master key (`pileus.keyring`). A message stays as its
queue's setting was when it arrived. Its place (when it was sent, its serial) is unique within its queue and is the
nonce, so a sealed message opens nowhere else. Source: Amazon SQS Developer Guide, "Encryption at rest in Amazon SQS"
and "Configuring server-side encryption for a queue using SQS-managed encryption keys".
"""

from struct import Struct

import msgspec

from pileus.keyring import Cipher, Keyring

from .tables import Message, Queue

_PLAIN, _SEALED = b"\0", b"\1"
_nonce = Struct(">QI").pack
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def with_key(keyring: Keyring, queue: Queue) -> Queue:
    """The queue with a data key, once it encrypts."""
    if not queue.sse or queue.data_key:
        return queue
    return msgspec.structs.replace(queue, data_key=keyring.new_key(_purpose(queue)))


def seal(keyring: Keyring, queue: Queue, message: Message, sent: int, serial: int) -> bytes:
    if not queue.sse:
        return _PLAIN + _encode(message)
    return _SEALED + _cipher(keyring, queue).encrypt(_nonce(serial, sent & 0xFFFFFFFF), _encode(message), None)


def unseal(keyring: Keyring, queue: Queue, kept: bytes, sent: int, serial: int) -> Message:
    if kept[0] == 0:
        return _decode(kept[1:])
    return _decode(_cipher(keyring, queue).decrypt(_nonce(serial, sent & 0xFFFFFFFF), kept[1:], None))


def _cipher(keyring: Keyring, queue: Queue) -> Cipher:
    return keyring.cipher(queue.data_key, _purpose(queue))


def _purpose(queue: Queue) -> str:
    return f"sqs/{queue.arn}/{queue.uid}"
