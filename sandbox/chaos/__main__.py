"""The command: one line of figures on stdout, the rest on stderr; exit code 1 if a promise was broken."""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from sandbox.chaos.plan import Plan
from sandbox.chaos.run import run
from sandbox.privacy import forget_settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.chaos", description="Bills months while everything fails")
    parser.add_argument("--seed", type=int, default=1, help="repeats the plan of a run")
    parser.add_argument("--customers", type=int, default=20)
    parser.add_argument("--months", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep everything in this new folder")
    options = parser.parse_args()
    report(f"seed {options.seed}")
    forget_settings()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="billing-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    kept = True
    try:
        plan = Plan(options.seed, options.customers, options.months)
        figures, checks = asyncio.run(asyncio.wait_for(run(plan, folder.resolve(), report), plan.limit_seconds))
        kept = options.folder is not None or figures["violations"] > 0
    except TimeoutError:
        sys.exit(f"not done after {plan.limit_seconds} s: some month stands still, or this machine is too slow")
    finally:
        if kept:
            report(f"everything is kept in {folder}")
        else:
            shutil.rmtree(folder)
    for check in checks:
        report(f"{'ok    ' if check.ok else 'BROKEN'}  {check.name}")
        for wrong in check.wrong:
            report(f"        {wrong}")
    print(json.dumps(figures))
    sys.exit(1 if figures["violations"] else 0)


def report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
