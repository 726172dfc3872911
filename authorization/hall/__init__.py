"""The online data hall (政务数据大厅): seats, chief representatives, duty, queues."""
