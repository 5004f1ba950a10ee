"""PartiQL: statements that read and write, one by one, in batches and in transactions."""

import json

import pytest

from .dynamodb_asking import get, index, item, make, put, refused, value


@pytest.fixture(scope="module")
def db(shared_cloud):
    client = shared_cloud.client("dynamodb")
    make(client, "Music", "Artist:S", "Title:S", GlobalSecondaryIndexes=[index("by-year", "Year:N", "Title:S")])
    for artist, title, year in [("Acme", "A", 1990), ("Acme", "B", 1995), ("Zed", "C", 1990), ("O'Hara", "D", 2000)]:
        put(client, "Music", Artist=artist, Title=title, Year=year, Info={"M": {"n": {"L": [value(1), value("x")]}}})
    return client


def run(db, statement, *parameters, **more):
    if parameters:
        more["Parameters"] = [value(one) for one in parameters]
    return db.execute_statement(Statement=statement, **more)["Items"]


def titles(items):
    return [one["Title"]["S"] for one in items]


@pytest.mark.parametrize(
    ("where", "parameters", "found"),
    [
        ("\"Artist\" = 'Acme'", (), ["A", "B"]),
        ("Artist = ?", ("O'Hara",), ["D"]),
        ("Artist = 'O''Hara' AND Title = 'D'", (), ["D"]),
        ("Artist = 'Acme' AND Title > 'A'", (), ["B"]),
        ("Artist = 'Acme' AND begins_with(Title, 'A')", (), ["A"]),
        ("Artist IN ['Acme', 'Zed'] AND \"Year\" < 1995", (), ["A", "C"]),
        ("\"Year\" BETWEEN 1991 AND 2000 OR Title = 'C'", (), ["B", "C", "D"]),
        ('NOT ("Year" = 1990) AND Info.n[0] = 1', (), ["B", "D"]),
        ("contains(Artist, 'me') AND Missing IS MISSING", (), ["A", "B"]),
        ("size(Info.n) >= 2 AND Info.n IS NOT NULL AND Artist <> 'Zed'", (), ["A", "B", "D"]),
        ("Artist = 'Acme' AND (Title = 'A' OR Title = 'B') AND \"Year\" != 1990", (), ["B"]),
    ],
)
def test_select_finds_what_the_condition_says(db, where, parameters, found):
    assert sorted(titles(run(db, f'SELECT * FROM "Music" WHERE {where}', *parameters))) == found


def test_select_shows_parts_of_items(db):
    shown = run(db, "SELECT Title, Info.n[1] FROM Music WHERE Artist='Zed'")
    assert shown == [{"Title": {"S": "C"}, "Info": {"M": {"n": {"L": [{"S": "x"}]}}}}]


def test_select_reads_an_index_in_its_order(db):
    found = run(db, 'SELECT * FROM "Music"."by-year" WHERE "Year" = 1990 ORDER BY Title DESC')
    assert titles(found) == ["C", "A"]
    code, message = refused(db.execute_statement, Statement='SELECT * FROM "Music" ORDER BY Title')
    assert code == "ValidationException"
    assert message.startswith("Must have WHERE clause")


def test_select_goes_on_page_by_page(db):
    found, more = [], {}
    while True:
        page = db.execute_statement(Statement="SELECT * FROM Music WHERE Artist IN ['Acme','Zed']", Limit=1, **more)
        found += titles(page["Items"])
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert sorted(found) == ["A", "B", "C"]
    assert refused(db.execute_statement, Statement="SELECT * FROM Music", NextToken="x")[0] == "ValidationException"


def test_insert_update_and_delete(db):
    run(db, "INSERT INTO Music VALUE {'Artist': 'New', 'Title': 'T', 'n': 1, 'tags': <<'a','b'>>, 'l': [true, null]}")
    found = get(db, "Music", Artist="New", Title="T")
    assert sorted(found.pop("tags")["SS"]) == ["a", "b"]
    assert found == item(Artist="New", Title="T", n=1, l=[True, None])
    again = refused(db.execute_statement, Statement="INSERT INTO Music VALUE {'Artist': 'New', 'Title': 'T'}")
    assert again == ("DuplicateItemException", "Duplicate primary key exists in table")
    where = "WHERE Artist = 'New' AND Title = 'T'"
    changed = run(db, f"UPDATE Music SET n = n + 2 SET tags = set_add(tags, <<'c'>>) SET l = list_append(l, ['z']) "
                      f"REMOVE gone {where} RETURNING MODIFIED NEW *")  # fmt: skip
    assert changed[0]["n"] == {"N": "3"}
    assert sorted(changed[0]["tags"]["SS"]) == ["a", "b", "c"]
    assert changed[0]["l"]["L"][-1] == {"S": "z"}
    code, _ = refused(db.execute_statement, Statement=f"UPDATE Music SET n = 1 {where} AND n = 100")
    assert code == "ConditionalCheckFailedException"
    gone = run(db, f"DELETE FROM Music {where} RETURNING ALL OLD *")
    assert gone[0]["n"] == {"N": "3"}
    assert get(db, "Music", Artist="New", Title="T") is None
    code, _ = refused(db.execute_statement, Statement=f"UPDATE Music SET n = 1 {where}")
    assert code == "ConditionalCheckFailedException"


def test_a_batch_answers_each_statement_for_itself(db):
    answer = db.batch_execute_statement(
        Statements=[
            {"Statement": "INSERT INTO Music VALUE {'Artist': 'Batch', 'Title': 'T'}"},
            {"Statement": "INSERT INTO Music VALUE {'Artist': 'Acme', 'Title': 'A'}"},
        ]
    )["Responses"]
    assert answer[0] == {"TableName": "Music"}
    assert answer[1]["Error"]["Code"] == "DuplicateItem"
    read = db.batch_execute_statement(
        Statements=[{"Statement": "SELECT Title FROM Music WHERE Artist='Batch' AND Title='T'"}]
    )["Responses"]
    assert read == [{"TableName": "Music", "Item": {"Title": {"S": "T"}}}]


def test_a_transaction_of_statements_is_all_or_nothing(db):
    statements = [
        {"Statement": "INSERT INTO Music VALUE {'Artist': 'Trans', 'Title': 'T'}"},
        {"Statement": "UPDATE Music SET n = 1 WHERE Artist = 'Nobody' AND Title = 'T'"},
    ]
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.execute_transaction(TransactStatements=statements)
    assert [one["Code"] for one in caught.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert get(db, "Music", Artist="Trans", Title="T") is None
    exists = {"Statement": "EXISTS(SELECT * FROM Music WHERE Artist = 'Acme' AND Title = 'A' AND \"Year\" = 1990)"}
    db.execute_transaction(TransactStatements=[statements[0], exists])
    read = [
        {"Statement": "SELECT * FROM Music WHERE Artist = ? AND Title = ?", "Parameters": [value("Trans"), value("T")]}
    ]
    assert db.execute_transaction(TransactStatements=read)["Responses"] == [{"Item": item(Artist="Trans", Title="T")}]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC * FROM Music", "expected SELECT, INSERT, UPDATE, DELETE or EXISTS"),
        ("SELECT * FROM", "expected a table's name"),
        ("SELECT * FROM Music WHERE Artist = ", "Unexpected the end"),
        ("SELECT * FROM Music WHERE Artist = ?", "Number of parameters in request and statement don't match."),
        ("SELECT * FROM Music WHERE (((Artist = 'x')", "expected )"),
        ("DELETE FROM Music WHERE Artist = 'x'", "does not contain a mandatory equality on all key attributes"),
        ("UPDATE Music SET Title = 'y' WHERE Artist = 'x' AND Title = 'z'", "This attribute is part of the key"),
        ("SELECT * FROM Music WHERE frob(Artist)", "Unknown function: frob"),
        ("SELECT * FROM Music WHERE Artist = 'x' ; DROP", "expected the end"),
        ("INSERT INTO Music VALUE 'x'", "the value of an INSERT is a tuple"),
        ("SELECT * FROM Music WHERE " + "(" * 200 + "Artist = 'x'" + ")" * 200, "nested too deeply"),
    ],
)
def test_what_is_no_statement(db, statement, message):
    code, said = refused(db.execute_statement, Statement=statement)
    assert code == "ValidationException"
    assert message in said


def test_each_kind_of_statement_has_a_permission_of_its_own(shared_cloud, db):
    iam = shared_cloud.client("iam")
    iam.create_user(UserName="partiql")
    allow = {
        "Effect": "Allow",
        "Action": "dynamodb:PartiQLSelect",
        "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["Acme"]}},
    }
    no_scans = {
        "Effect": "Deny",
        "Action": "dynamodb:PartiQLSelect",
        "Resource": "*",
        "Condition": {"Bool": {"dynamodb:FullTableScan": "true"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow, no_scans]})
    iam.put_user_policy(UserName="partiql", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="partiql")["AccessKey"]
    client = shared_cloud.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    assert titles(run(client, "SELECT * FROM Music WHERE Artist = 'Acme'")) == ["A", "B"]
    for statement in (
        "SELECT * FROM Music WHERE Artist = 'Zed'",
        "SELECT * FROM Music",
        "DELETE FROM Music WHERE Artist = 'Acme' AND Title = 'A'",
    ):
        assert refused(client.execute_statement, Statement=statement)[0] == "AccessDeniedException"
