"""`python -m huaxiang` is `huaxiang`."""

from huaxiang.cli import main

if __name__ == "__main__":
    main()
