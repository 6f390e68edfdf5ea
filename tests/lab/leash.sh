# Runs the server given as arguments for as long as standard input, a pipe held by the test process, stays open.
# However that process ends, the kernel closes the pipe, and the server goes with it. LAB_LOG is where the server
# writes; LAB_LAST_WILL is run when it has ended. Prints the server's process id.
exec 3<&0
"$@" </dev/null >>"$LAB_LOG" 2>&1 3<&- &
server=$!
echo "$server"
{ read -r _; kill -KILL "$server"; } <&3 >/dev/null 2>&1 &
leash=$!
exec 3<&-
wait "$server"
status=$?
kill "$leash"
eval "$LAB_LAST_WILL"
exit "$status"
