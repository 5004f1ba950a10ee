"""PartiQL: DynamoDB's SQL, read into statements and carried out by what carries out the other operations."""
