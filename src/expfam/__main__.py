"""`python -m expfam` is the command line."""

from expfam.cli import main

if __name__ == "__main__":
    main()
