//! All that a database holds, as bytes to be searched.

use tokio_postgres::Client;

/// Every row of every table in a database, in text, and what its binary columns hold, as it is. One entry a table.
pub async fn tables(database: &Client) -> Vec<(String, Vec<u8>)> {
    // Partitions hold the rows of their parents.
    let tables = database
        .query(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
            &[],
        )
        .await
        .expect("the tables");
    let mut dumps = Vec::with_capacity(tables.len());
    for table in tables {
        let table: String = table.get(0);
        let rows = database
            .query(&format!("SELECT t::text FROM {table} t"), &[])
            .await
            .unwrap_or_else(|e| panic!("{table}: {e:?}"));
        let mut bytes = Vec::new();
        for row in rows {
            let text: String = row.get(0);
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(b'\n');
            for part in text.split("\\x").skip(1) {
                let end = part.find(|c: char| !c.is_ascii_hexdigit());
                let digits = &part[..end.unwrap_or(part.len()) / 2 * 2];
                bytes.extend(hex::decode(digits).expect("hexadecimal"));
                bytes.push(b'\n');
            }
        }
        dumps.push((table, bytes));
    }
    dumps
}
