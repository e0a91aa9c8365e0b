"""Statements that blank what former releases leave of erased parties: as an upgrade begins, and when it is finished.

Such parties were erased before the upgrade, or by a process of the former release that still ran after the migrations.
Row-level security shows the owner one organization at a time. No event is recorded: `party.erased` has said all of it.
"""

NOTES = (
    """UPDATE assignment SET completion_note = NULL FROM party
       WHERE party.org_id = %(org)s AND erased_at IS NOT NULL AND assignment.org_id = party.org_id
           AND assignment.party_id = party.id AND completion_note IS NOT NULL""",
    """UPDATE assignment_change SET former = former - 'completion_note' FROM assignment, party
       WHERE party.org_id = %(org)s AND erased_at IS NOT NULL AND assignment.org_id = party.org_id
           AND assignment.party_id = party.id AND assignment_change.org_id = assignment.org_id
           AND assignment_id = assignment.id AND former ? 'completion_note'""",
    """UPDATE licence SET note = NULL FROM party
       WHERE party.org_id = %(org)s AND erased_at IS NOT NULL AND licence.org_id = party.org_id
           AND licence.party_id = party.id AND note IS NOT NULL""",
)
"""Blanks the notes of their records, for one organization."""

MEMBERSHIPS = """
    DELETE FROM folder_member USING party
    WHERE party.org_id = %(org)s AND erased_at IS NOT NULL AND folder_member.org_id = party.org_id
        AND folder_member.party_id = party.id"""
"""Takes them out of their folders, for one organization."""

ORGANIZATIONS = "SELECT id FROM organization ORDER BY id"
SHOW = "SELECT set_config('rollcall.org', %(org)s, true)"
"""Shows the owner the rows of one organization until the transaction ends."""
