"""The directory as SCIM sees it (RFC 7643): users are parties, groups are folders.

Owns the table `scim_user` and two columns of `folder`. Parties and folders themselves are written as everywhere: a user
by `put_parties`, members of a group as sets. What a client has deleted does not exist for clients from then on.

- `schemas`: what a client asks for, and the refusal of a name that is taken.
- `names`: the names of users, which are unique and kept as sent.
- `users`, `groups`, `members`: reading and writing them.
- `attributes`: what a filter may compare, as columns. `user_filters`: those of users.
- `filters`: makes a filter a condition.
"""
