"""Webhooks: apps are told when a customer's tags change, at least once, in order, and until it is known.

    subscriptions   who is told where, what became of it, and sending again: what an operator does
    watch           the change feed -> what is to be told
    courier         what is to be told -> requests, in a server's workers

The feed is written in the transaction that changes anything, so that nothing is lost: whatever way a record came in, a
join, a parting, an erasure, all are in it. What is to be told names a customer and no content: that is made when it is
sent, so that it says what is true then, and nothing of it is kept.
"""
