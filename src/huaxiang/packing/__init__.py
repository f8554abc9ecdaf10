"""Facts made ready for bulk, on the thread that reads them, while the batch before them lands.

Takes facts as they come, as claims, or as the store has them; gives rows as the bytes that PostgreSQL's binary COPY
takes, and what they add to the summaries of their nodes. Pure: nothing here asks the store.

    alone      calls of one number that say nothing beside, as most are: packed as they come, summed by node
    linked     facts of several identifiers, each on its node, with their links      folding  what they add to summaries
    ahead      a batch before its turn: the piles of what `alone` and `linked` pack, and the rows of its other claims
    standing   of a rebuild: which calls lie as they would land, and what they come to
    copying    the bytes of fields, rows, and a whole copy

Rule 1: a packed batch goes where the general way would put it, row for row, and adds what `sql/fold.sql` would add:
        tests hold both ways against each other. Where that can't be seen beforehand, the general way is gone.
"""
