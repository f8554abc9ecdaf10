-- Pages of customers by the ids that they answer under, customers by an id whose app is not named, and limits of calls.

-- The ids that a vendor gave, in the order of their numbers: those of digits by length, then by digits.
create index node_audience on node (tenant, (length(value)), (value collate "C")) where kind = 'audience_id';

-- Each customer once: the node whose number names it.
create index node_first on node (tenant, customer) where number = customer;

-- What the vendor calls an openid, whatever its app.
create index node_openid on node (tenant, value) where kind in ('openid', 'external_userid', 'selfbuilt_userid');

-- When a key's last calls of a kind were accepted, oldest first, as many as its limit looks back on.
create table gate_call (
    access_key  bigint not null,
    call        text not null,
    accepted_at timestamptz[] not null,
    primary key (access_key, call)
);
