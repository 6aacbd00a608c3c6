"""The operator's command line: ``python starter.py --help``."""

from cli.app import main
from process.logs import start_logging
from settings import private_files

if __name__ == "__main__":
    private_files()
    start_logging("WARNING")
    main()
