# A receiver in Python: accepts one connection, takes everything into one buffer, prints bytes and its own CPU seconds as JSON.
import json, resource, socket, sys

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
connection, _ = server.accept()
buffer = bytearray(1 << 20)
total = 0
while True:
    n = connection.recv_into(buffer)
    if n == 0:
        break
    total += n
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"bytes": total, "cpuSeconds": usage.ru_utime + usage.ru_stime}))
