"""All tables, for migrations and tests only: those of the migrations' two branches, core and training."""

from shared.access.issuers import LogoutToken, SignInGroup, SignInIssuer
from shared.access.models import Organization
from shared.access.sign_ins import SignIn
from shared.assignments.models import Assignment, AssignmentChange
from shared.catalogue.models import Course, CourseVersion
from shared.database import Base
from shared.deliveries.models import Delivery, Webhook
from shared.deployment.models import MailSwitch, Process
from shared.directory.former import FormerParty
from shared.directory.models import FileColumn, Folder, FolderMember, Party, ScimUser
from shared.events.models import Event, EventConsumer, EventSeal, EventStream, EventTreeNode
from shared.idempotency import UsedKey
from shared.jobs.models import Job, JobChunk, JobOutcome, JobTurn
from shared.licences.models import CertificateLook, Licence, LicenceDue, Sweep
from shared.licences.records.models import RecordRow
from shared.packs.models import Pack, PackPart, PackPerson
from shared.sessions.models import RosterEntry, TrainingSession
from shared.uploads.models import Upload
from shared.views.models import SavedView, StartPage

metadata = Base.metadata

CORE = (
    Organization,
    SignIn,
    SignInIssuer,
    SignInGroup,
    LogoutToken,
    EventStream,
    Event,
    EventConsumer,
    EventSeal,
    EventTreeNode,
    Party,
    Folder,
    FolderMember,
    FormerParty,
    FileColumn,
    ScimUser,
    UsedKey,
    Job,
    JobChunk,
    JobOutcome,
    JobTurn,
    Webhook,
    Delivery,
    SavedView,
    StartPage,
    MailSwitch,
    Process,
)
"""The tables of every deployment."""

DEPLOYMENT = (MailSwitch, Process)
"""The tables that hold nothing of an organization, so without row-level security."""

TRAINING = (
    Course,
    CourseVersion,
    Assignment,
    AssignmentChange,
    TrainingSession,
    RosterEntry,
    Licence,
    LicenceDue,
    RecordRow,
    Sweep,
    Upload,
    CertificateLook,
    Pack,
    PackPerson,
    PackPart,
)
"""The tables that exist only if the deployment profile includes training."""
