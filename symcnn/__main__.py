"""`python -m symcnn` is the `symcnn` command."""

import sys

from symcnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
