module portreeve.test/cluster/build/pause

go 1.26
