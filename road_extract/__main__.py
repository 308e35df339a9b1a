"""`python -m road_extract` is `road-extract`."""

from road_extract.cli import main

if __name__ == "__main__":
    main()
