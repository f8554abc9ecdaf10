"""How fast the product is, as ratios to what the machine can do: `python bench/run.py`, which `make bench` runs.

    sizes     how much of everything                 figures   what was found, against what goal; results.json
    data      the made-up rows, and their files      drawing   the figures as a picture
    house     a data folder, commands, a server      marked    the figures as tables, in their places in the READMEs
    load      64 connections and one process         asking    the requests of each dialect, byte for byte
    prepared  customers, loaded once and kept        database  what PostgreSQL can do by itself: COPY
    constant  a server that knows nothing            telling   how far a part is
    parts: lookups, page, importing, links, push

Rule 1: only public ways are measured: the command line, HTTP, the `Service`.
Rule 2: what is compared runs in the same run, in turns, on the same machine and the same PostgreSQL.
Rule 3: an answer that is not the one expected fails the part; a wrong answer has no speed.
"""
