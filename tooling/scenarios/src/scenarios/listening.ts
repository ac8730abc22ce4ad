/** `listen` and `accept`: states, the accept queue and its end. */
import { AF_INET, POLL, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from '@netmem/uapi';
import type { RecordedSocket } from '../recorded-socket.ts';
import type { Scenario, ScenarioRun } from '../scenario-run.ts';

/** A client that starts to connect; told nothing about. */
function dial(t: ScenarioRun, name: string): RecordedSocket {
  return t.quietly(() => {
    const client = t.tcp('client', name);
    client.connect(t.at('server'));
    return client;
  });
}

export const LISTENING: readonly Scenario[] = [
  {
    id: 'listen: without bind, twice, and after connect',
    run(t) {
      const l = t.tcp('server', 'l');
      l.listen(1);
      l.getsockname();
      l.get('SO_ACCEPTCONN');
      l.listen(5);
      l.bind(t.at('server'));
      l.poll();
      const { client, server } = t.connected();
      client.listen(1);
      server.listen(1);
    },
  },
  {
    id: 'listen: while connecting, after the connection ended, on other kinds',
    run(t) {
      const l = t.listener(0);
      dial(t, 'first');
      const c = dial(t, 'c');
      c.listen(1);
      c.close();
      l.close();
      t.udp('server', 'u').listen(1);
      t.socket('server', 'raw', AF_INET, SOCK_RAW, 17).listen(1);
      const { client, server } = t.connected();
      server.close();
      client.recv(1);
      client.listen(1);
    },
  },
  {
    id: 'accept: nothing there, flags, and not a listener',
    run(t) {
      const l = t.listener();
      l.accept('s');
      l.accept('s', SOCK_NONBLOCK | SOCK_CLOEXEC);
      l.accept('s', 1);
      l.accept('s', 0x1000);
      const x = t.tcp('server', 'x');
      x.accept('s');
      x.accept('s', 1);
      t.udp('server', 'u').accept('s');
      dial(t, 'c');
      l.accept('s').accept('y');
    },
  },
  {
    id: 'accept: a listener’s own calls',
    run(t) {
      const l = t.listener();
      l.recv(1);
      l.send('a');
      l.getpeername();
      l.connect(t.at('client'));
      l.get('SO_ERROR');
      l.poll();
      l.getsockname();
    },
  },
  {
    id: 'accept: in the order of arrival; poll while some wait',
    run(t) {
      const l = t.listener();
      const clients = ['c1', 'c2', 'c3'].map((name) => dial(t, name));
      for (const [i, client] of clients.entries()) client.send(`from ${i + 1}`);
      l.until();
      for (const name of ['s1', 's2', 's3']) {
        l.poll();
        const server = l.accept(name);
        server.recv(20);
        server.getsockname();
      }
      l.poll();
      l.accept('s4');
    },
  },
  {
    id: 'accept: a connection that was reset while it waited',
    run(t) {
      const l = t.listener();
      const c = dial(t, 'c');
      l.until();
      c.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
      c.close();
      l.poll();
      const s = l.accept('s');
      s.poll();
      s.getpeername();
      s.recv(1);
      s.recv(1);
      s.send('a');
    },
  },
  {
    id: 'accept: a connection that was ended while it waited, with data',
    run(t) {
      const l = t.listener();
      const c = dial(t, 'c');
      c.send('the only thing');
      c.close();
      l.until();
      const s = l.accept('s');
      s.poll();
      s.recv(20);
      s.recv(20);
      s.getpeername();
    },
  },
  {
    id: 'accept: backlog 1 holds two; the third waits until there is room',
    run(t) {
      const l = t.listener(1);
      const clients = ['c1', 'c2', 'c3'].map((name) => dial(t, name));
      for (const client of clients) client.poll();
      l.accept('s1');
      l.accept('s2');
      l.accept('s3');
      clients[2]?.until(POLL.OUT);
      l.until();
      l.accept('s3');
      clients[2]?.poll();
    },
  },
  {
    id: 'accept: backlog 0 holds one',
    run(t) {
      const l = t.listener(0);
      const clients = ['c1', 'c2'].map((name) => dial(t, name));
      for (const client of clients) client.poll();
      l.accept('s1');
      l.accept('s2');
    },
  },
  {
    id: 'accept: a negative backlog is a large one',
    run(t) {
      const l = t.listener(-1);
      const clients = ['c1', 'c2', 'c3'].map((name) => dial(t, name));
      for (const client of clients) client.poll();
      for (const name of ['s1', 's2', 's3']) l.accept(name);
    },
  },
  {
    id: 'accept: a listener is closed while connections wait',
    run(t) {
      const l = t.listener();
      const c = dial(t, 'c');
      c.send('unread');
      c.poll();
      l.close();
      c.poll();
      c.recv(1);
      c.recv(1);
      c.send('a');
      dial(t, 'late').get('SO_ERROR');
    },
  },
  {
    id: 'accept: what a child has from its listener',
    run(t) {
      const { server, client } = t.connected({
        tune(_c, l) {
          l.set('SO_RCVBUF', 20_000);
          l.set('SO_SNDBUF', 30_000);
          l.set('SO_RCVLOWAT', 3);
          l.set('SO_KEEPALIVE', 1);
          l.set('SO_OOBINLINE', 1);
          l.set('SO_REUSEADDR', 1);
          l.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 7, 0, 0, 0));
          l.set('TCP_NODELAY', 1);
          l.set('TCP_CORK', 1);
          l.set('TCP_USER_TIMEOUT', 1234);
          l.set('TCP_INQ', 1);
          l.set('TCP_SYNCNT', 4);
          l.set('TCP_LINGER2', 5);
          l.set('TCP_KEEPIDLE', 50);
          l.set('TCP_KEEPINTVL', 6);
          l.set('TCP_KEEPCNT', 7);
          l.set('SO_REUSEPORT', 1);
          l.set('IP_TTL', 33);
          l.set('IP_TOS', 0x10);
        },
      });
      for (const name of [
        'SO_RCVBUF',
        'SO_SNDBUF',
        'SO_RCVLOWAT',
        'SO_KEEPALIVE',
        'SO_OOBINLINE',
        'SO_REUSEADDR',
        'TCP_NODELAY',
        'TCP_CORK',
        'TCP_USER_TIMEOUT',
        'TCP_INQ',
        'TCP_SYNCNT',
        'TCP_LINGER2',
        'TCP_KEEPIDLE',
        'TCP_KEEPINTVL',
        'TCP_KEEPCNT',
        'SO_REUSEPORT',
        'IP_TTL',
        'IP_TOS',
      ] as const) {
        server.get(name);
      }
      server.get('SO_LINGER', 8);
      server.get('SO_ACCEPTCONN');
      client.send('abc');
      server.recvmsg({ iov: [2], control: 32 });
    },
  },
];
