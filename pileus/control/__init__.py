"""Background work, all of it in one form: level-triggered reconcilers over the store."""

from .loop import Done, Loop, Outcome, Reconciler, RequeueAt, World

__all__ = ["Done", "Loop", "Outcome", "Reconciler", "RequeueAt", "World"]
