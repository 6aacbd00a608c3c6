"""Erases what people have written and uploaded in tasks about a person."""

from sqlalchemy import Connection, delete, select, update

from adapters.sql.schema.services import documents, tasks


def erase_tasks(connection: Connection, customer_id: str) -> int:
    """Deletes documents, and the answers of forms; returns how many rows. Reasons go with all other texts."""
    rows = connection.execute(delete(documents).where(documents.c.customer_id == customer_id)).rowcount
    given = select(tasks.c.number, tasks.c.answers).where(tasks.c.customer_id == customer_id)
    answered = [row.number for row in connection.execute(given) if row.answers]
    connection.execute(update(tasks).where(tasks.c.number.in_(answered)).values(answers={}))
    return rows + len(answered)
