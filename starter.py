"""The operator's command line: ``python starter.py --help``."""

from cli.app import main
from logs import start_logging

if __name__ == "__main__":
    start_logging("WARNING")
    main()
