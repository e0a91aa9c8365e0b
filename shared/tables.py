"""Every table in one place, for migrations and tests only. The two branches of a deployment: core and training."""

from shared.access.models import Organization
from shared.assignments.models import Assignment
from shared.catalogue.models import Course, CourseVersion
from shared.database import Base
from shared.directory.models import Folder, FolderMember, Party
from shared.events.models import Event, EventSeal, EventStream
from shared.jobs.models import Job, JobChunk, JobOutcome

metadata = Base.metadata

CORE = (Organization, EventStream, Event, EventSeal, Party, Folder, FolderMember, Job, JobChunk, JobOutcome)
"""The tables of every deployment."""

TRAINING = (Course, CourseVersion, Assignment)
"""The tables that exist only where the deployment profile has training."""
