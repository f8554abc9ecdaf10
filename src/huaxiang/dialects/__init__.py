"""The vendors' wire contracts, and our own: one package a dialect, the same few files each.

    wire.py      the types on the wire, and `ENDPOINTS`: the contract as data, shared by server, client, docs and tests
    inward.py    ways in: a record of the vendor -> facts; `FORMATS` names them for `import --as`
    outward.py   ways out: a customer -> bytes
    errors.py    the dialect's word for each error of the house
    README.md    what the dialect covers, and what is not there

A dialect knows the model; it knows neither store nor HTTP framework, nor another dialect.
"""
