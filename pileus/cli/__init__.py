"""The `pileus` command."""

import asyncio
import sys

from pileus import settings


def main() -> None:
    from pileus.app import serve

    options = {}
    args = sys.argv[1:]
    if "--port" in args:
        options["port"] = int(args[args.index("--port") + 1])
    if "--data-dir" in args:
        options["data_dir"] = args[args.index("--data-dir") + 1]
    asyncio.run(serve(settings.load(options), lambda port: print("Ready.", flush=True)))
