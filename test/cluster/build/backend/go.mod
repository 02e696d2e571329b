module portreeve.test/cluster/build/backend

go 1.26
