"""What an operator does about who is who: see why, decide, rehearse, review, erase.

    evidence    why this is one customer: identifiers, links, records, values; what it was on any past day
    decisions   a person joins, parts, keeps apart, takes back; an identifier changes hands
    review      what is suspended and waits for a person's word
    suggestions customers that look like one though no identifier says so, for a person to accept or refuse
    dictionaries what the ids of a CRM's sources, industries and grades mean
    rehearsal   what a change of guards, blocked values or ranks would do, before it is done
    erasure     a person's data gone from everywhere, and handed over whole

Each is a module of async functions over a `Service`: what they read is one snapshot, what they write is one transaction
under the tenant's lock.
"""
