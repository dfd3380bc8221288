"""Workers: claim a task, act outside any transaction, settle the result in one."""
