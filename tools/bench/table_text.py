"""Markdown tables in documents: put in place between markers, and compared with the table that was committed there.

Between `<!-- table: NAME COMMIT -->` and `<!-- /table -->` everything is generated. A figure is `mean ± standard error`; a row's name is
its first cells, a figure's name that of its row and its column. Columns of bfloat16 are not compared.
"""

import math
import re

FIGURE = re.compile(r"([-+]?[\d.]+(?:e[-+]?\d+)?)(?: ± ([\d.]+(?:e[-+]?\d+)?))?")


def figure(value, digits=3):
    return f"{value['mean']:.{digits}g} ± {value['stderr']:.2g}" if value else ""


def markdown(rows):
    """A table of rows {column: text}; columns in the order of their first appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns)] + [[row.get(column, "") for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures(text, keys):
    """{(row, column): (mean, standard error or None)} of the table in `text`, whose rows' names are their first `keys` cells."""
    lines = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in text.splitlines() if line.startswith("|")]
    found = {}
    for row in lines[2:]:
        for column, cell in zip(lines[0][keys:], row[keys:]):
            match = FIGURE.fullmatch(cell)
            if match and "bfloat16" not in column:
                found[" ".join(row[:keys]), column] = float(match[1]), float(match[2]) if match[2] else None
    return found


def unchanged(before, after, keys, commit):
    """A sentence: which new figures lie beyond two combined standard errors of the old ones; one without error takes the new one's."""
    old, new, far, count = figures(before, keys), figures(after, keys), {}, 0
    gone = sum(error is not None and name not in new for name, (_, error) in old.items())
    for name, (mean, error) in new.items():
        if error is None or name not in old:
            continue
        count += 1
        was, was_error = old[name]
        if abs(mean - was) > 2 * math.hypot(error, error if was_error is None else was_error):
            far.setdefault(name[1], []).append(f"{name[0]} (was {was:g})")
    if not count:
        return ""
    listed = "; ".join(f"{column} of {', '.join(rows)}" for column, rows in far.items())
    return (f"Beside the table of commit {commit or 'unknown'}: {sum(map(len, far.values()))} of {count} float32 figures lie more than two "
            f"combined standard errors from what they were{': ' if listed else ''}{listed}. Of its figures {gone} are not made anew.")


def marked(name):
    return re.compile(rf"<!-- table: {name}(?: (\S+))? -->\n(.*?)<!-- /table -->", re.DOTALL)


def place(document, name, commit, generated):
    """The document with what is generated between the markers of table `name`."""
    text = f"<!-- table: {name} {commit} -->\n{generated}\n<!-- /table -->"
    result, count = marked(name).subn(lambda _: text, document)
    if count != 1:
        raise ValueError(f"table {name}: expected one pair of markers, found {count}")
    return result


def self_test():
    old = markdown([{"task": "a", "plan": "x", "KL": "0.01 ± 0.001", "EM": "0.5", "bits": "3.1"},
                    {"task": "a", "plan": "y", "KL": "1e-05 ± 2e-06", "EM": "0.5"}])
    new = markdown([{"task": "a", "plan": "x", "KL": "0.02 ± 0.001", "EM": "0.51 ± 0.01", "bits": "3.2", "bfloat16 KL": "9 ± 0.1"},
                    {"task": "a", "plan": "y", "KL": "1.2e-05 ± 2e-06", "EM": "0.6 ± 0.01"}, {"task": "b", "plan": "y", "KL": "1 ± 0"}])
    assert figures(old, 2)["a y", "KL"] == (1e-05, 2e-06) and figures(old, 2)["a x", "EM"] == (0.5, None)
    assert ("a x", "bfloat16 KL") not in figures(new, 2) and figure({"mean": 0.12345, "stderr": 0.01234}) == "0.123 ± 0.012"
    said = unchanged(old, new, 2, "abc")
    assert "abc: 2 of 4 " in said and said.endswith("KL of a x (was 0.01); EM of a y (was 0.5). Of its figures 0 are not made anew."), said
    said = unchanged(new, old, 2, "")
    assert ": 1 of 2 " in said and said.endswith("were: KL of a x (was 0.02). Of its figures 1 are not made anew."), said
    assert unchanged("", new, 2, "abc") == "" and "unknown: 0 of 5 " in unchanged(new, new, 2, None)
    document = f"before\n\n<!-- table: t abc -->\n{old}\n<!-- /table -->\n\n<!-- table: tt -->\n<!-- /table -->\nafter\n"
    placed = place(document, "t", "def+", new + "\n\\1 stays")
    assert placed == document.replace("abc", "def+").replace(old, new + "\n\\1 stays")
    assert marked("t").search(placed)[1] == "def+" and marked("tt").search(placed)[1] is None
    assert place(placed, "t", "abc", old) == document
    for name in ("none", "t"):
        try:
            place(document + (document if name == "t" else ""), name, "", "")
        except ValueError:
            continue
        raise AssertionError(f"{name}: wrong markers are an error")
