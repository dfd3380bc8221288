"""`python -m sampan` is the command `sampan`."""

from sampan.cli import main

if __name__ == "__main__":
    main()
