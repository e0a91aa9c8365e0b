"""All tables, for migrations and tests only: those of the migrations' two branches, core and training."""

from shared.access.models import Organization
from shared.assignments.models import Assignment, AssignmentChange
from shared.catalogue.models import Course, CourseVersion
from shared.database import Base
from shared.deliveries.models import Delivery, Webhook
from shared.directory.models import Folder, FolderMember, Party
from shared.events.models import Event, EventConsumer, EventSeal, EventStream
from shared.jobs.models import Job, JobChunk, JobOutcome
from shared.licences.models import Licence, LicenceDue, Sweep
from shared.sessions.models import RosterEntry, TrainingSession

metadata = Base.metadata

CORE = (
    Organization,
    EventStream,
    Event,
    EventConsumer,
    EventSeal,
    Party,
    Folder,
    FolderMember,
    Job,
    JobChunk,
    JobOutcome,
    Webhook,
    Delivery,
)
"""The tables of every deployment."""

TRAINING = (
    Course,
    CourseVersion,
    Assignment,
    AssignmentChange,
    TrainingSession,
    RosterEntry,
    Licence,
    LicenceDue,
    Sweep,
)
"""The tables that exist only if the deployment profile includes training."""
