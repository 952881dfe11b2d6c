# The daily habits, a word each. `pip install rust-just` brings the command; each line works without it as well.

# what there is
_:
    @just --list

# the code in one form
format:
    ruff check --fix .
    ruff format .

# what a commit must pass
lint:
    ruff check .
    ruff format --check .

types:
    pyright

# what takes longer than a change should wait is left out, or that alone is run
tests *options:
    pytest {{options}}

slow *options:
    pytest -m slow {{options}}
