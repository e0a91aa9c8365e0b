"""The fields of a party in a file, and the names by which their columns are recognised."""

from shared.directory.schemas import MAX_PARTIES
from shared.sheets import Fields

SYNONYMS = {
    "entityId": (
        "entityid", "partyid", "employeeid", "employeenumber", "employeeno", "employeenr", "empid", "empno", "staffid",
        "staffnumber", "staffno", "personid", "personnelnumber", "personnelno", "personnelid", "workerid",
        "workernumber", "payrollnumber", "personalnummer", "personalnr", "persnr", "mitarbeiternummer",
        "mitarbeiternr", "mitarbeiterid", "matricule", "numeroemploye", "personeelsnummer", "ansattnummer", "id",
    ),
    "displayName": (
        "displayname", "fullname", "employeename", "personname", "staffname", "workername", "name", "anzeigename",
        "vollstandigername", "mitarbeitername", "nomcomplet", "naam", "navn",
    ),
    "email": (
        "email", "emailaddress", "workemail", "workemailaddress", "businessemail", "companyemail", "emailwork", "mail",
        "emailadresse", "emailadres", "adresseemail", "courriel", "epost",
    ),
    "memberId": ("memberid", "member"),
    "active": ("active", "isactive", "aktiv", "istaktiv", "actif", "actief"),
    "timeZone": ("timezone", "tz", "zeitzone", "fuseauhoraire", "tijdzone", "tidssone"),
    "language": ("language", "preferredlanguage", "languagecode", "locale", "sprache", "langue", "taal", "sprak"),
    "folders": ("folders", "folder", "foldernames", "foldername", "ordner", "mappen", "mapper"),
}  # fmt: skip
"""The names of columns that each field is recognised by, the likeliest first: of two in a file the first counts.

No department, team or location: a folder is what scopes are made of, so somebody has to say that a column is one.
"""

FIELDS = Fields("party", "parties", SYNONYMS, needed=(("entityId",),), most=MAX_PARTIES)
