"""The operator's command line: ``python starter.py --help``."""

from cli.app import main
from process.files import private_files
from process.logs import start_logging

if __name__ == "__main__":
    private_files()
    start_logging("WARNING")
    main()
