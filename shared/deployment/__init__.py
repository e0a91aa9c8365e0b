"""The deployment: facts that hold for all of its processes, and the processes themselves. Belongs to no organization.

Owns the tables `mail_switch` and `process`. A setting is read by one process, so it may decide only what that process
does. What is planned or recorded is decided by the database, where every process reads the same: whether mails are
planned is the mail switch. Processes record fingerprints of their settings, so that `rollcall doctor` can name those
that differ.
"""

from shared.deployment.fingerprints import COMPARED, OWN
from shared.deployment.mail import mail_is_on, switch_mail
from shared.deployment.processes import Difference, Presence, can_send_mail, differences, try_write

__all__ = [
    "COMPARED",
    "Difference",
    "OWN",
    "Presence",
    "can_send_mail",
    "differences",
    "mail_is_on",
    "switch_mail",
    "try_write",
]
