"""Object bytes: large bodies, kept outside the store (docs/decisions/0006-object-bytes.md)."""

from .api import Blob, Blobs, BlobWriter, NoBlobs, NoSuchBlob, Readers

__all__ = ["Blob", "BlobWriter", "Blobs", "NoBlobs", "NoSuchBlob", "Readers"]
