/** `bind`: addresses, ports, and who may share them. */
import { AF_INET6 } from '@netmem/uapi';
import { PORT, type Scenario } from '../scenario-run.ts';

export const BINDING: readonly Scenario[] = [
  {
    id: 'bind: TCP, to an address, to any, to port 0',
    run(t) {
      for (const address of [t.at('server'), t.any(PORT + 1), t.at('server', 0), t.any(0)]) {
        const x = t.tcp('server', 'x');
        x.bind(address);
        x.getsockname();
        x.getpeername();
        x.poll();
      }
    },
  },
  {
    id: 'bind: TCP, refused',
    run(t) {
      const x = t.tcp('server', 'x');
      x.bind({ ip: '203.0.113.1', port: PORT });
      x.getsockname();
      x.bind(t.at('server'));
      x.bind(t.at('server'));
      x.bind(t.at('server', PORT + 1));
      x.bind({ ip: '203.0.113.1', port: PORT });
      x.getsockname();
    },
  },
  {
    id: 'bind: TCP, to a group and to broadcast',
    run(t) {
      for (const ip of ['224.0.0.1', '255.255.255.255']) {
        const x = t.tcp('server', 'x');
        x.bind({ ip, port: PORT });
        x.getsockname();
        x.close();
      }
    },
  },
  {
    id: 'bind: IPv6 to one address sets IPV6_V6ONLY',
    run(t) {
      for (const address of [t.at('server', PORT, AF_INET6), t.mapped('server', PORT + 1), t.any(PORT + 2, AF_INET6)]) {
        const x = t.tcp('server', 'tcp', AF_INET6);
        x.bind(address);
        x.get('IPV6_V6ONLY');
        const u = t.udp('server', 'udp', AF_INET6);
        u.bind(address);
        u.get('IPV6_V6ONLY');
      }
    },
  },
  {
    id: 'bind: UDP, refused or not',
    run(t) {
      const x = t.udp('server', 'x');
      x.bind({ ip: '203.0.113.1', port: PORT });
      x.bind({ ip: '224.0.0.1', port: PORT });
      x.bind(t.at('server'));
      const y = t.udp('server', 'y');
      y.bind(t.at('server'));
      y.bind(t.any());
      y.bind(t.at('server', PORT + 1));
      y.bind(t.at('server', PORT + 2));
      y.getsockname();
    },
  },
  {
    id: 'bind: the same port twice, addresses that overlap or do not',
    run(t) {
      const first = t.tcp('server', 'first');
      first.bind(t.at('server'));
      t.tcp('server', 'same').bind(t.at('server'));
      t.tcp('server', 'any').bind(t.any());
      t.tcp('server', 'other').bind({ ip: '127.0.0.9', port: PORT });
      t.udp('server', 'udp').bind(t.at('server'));
      first.close();
      t.tcp('server', 'later').bind(t.at('server'));
    },
  },
  {
    id: 'bind: SO_REUSEADDR on one, on both, and with a listener',
    run(t) {
      const plain = t.tcp('server', 'plain');
      plain.bind(t.at('server'));
      const one = t.tcp('server', 'one');
      one.set('SO_REUSEADDR', 1);
      one.bind(t.at('server'));
      plain.set('SO_REUSEADDR', 1);
      one.bind(t.at('server'));
      plain.listen(1);
      one.listen(1);
      const two = t.tcp('server', 'two');
      two.set('SO_REUSEADDR', 1);
      two.bind(t.at('server'));
      two.bind(t.any());
    },
  },
  {
    id: 'bind: SO_REUSEPORT needs both, before either is bound',
    run(t) {
      const one = t.tcp('server', 'one');
      one.set('SO_REUSEPORT', 1);
      one.bind(t.at('server'));
      t.tcp('server', 'without').bind(t.at('server'));
      const two = t.tcp('server', 'two');
      two.set('SO_REUSEPORT', 1);
      two.bind(t.at('server'));
      one.listen(1);
      two.listen(1);
      const late = t.tcp('server', 'late');
      late.bind(t.at('server', PORT + 1));
      late.set('SO_REUSEPORT', 1);
      const later = t.tcp('server', 'later');
      later.set('SO_REUSEPORT', 1);
      later.bind(t.at('server', PORT + 1));
    },
  },
  {
    id: 'bind: UDP shares a port with SO_REUSEADDR, and with SO_REUSEPORT',
    run(t) {
      const one = t.udp('server', 'one');
      const two = t.udp('server', 'two');
      one.set('SO_REUSEADDR', 1);
      one.bind(t.at('server'));
      two.bind(t.at('server'));
      two.set('SO_REUSEADDR', 1);
      two.bind(t.at('server'));
      const three = t.udp('server', 'three');
      const four = t.udp('server', 'four');
      three.set('SO_REUSEPORT', 1);
      four.set('SO_REUSEPORT', 1);
      three.bind(t.at('server', PORT + 1));
      four.bind(t.at('server', PORT + 1));
    },
  },
  {
    id: 'bind: a port in TIME_WAIT',
    run(t) {
      const { client, server, listener } = t.connected();
      listener.close();
      server.close();
      client.until();
      client.recv(1);
      client.close();
      const again = t.tcp('server', 'again');
      again.bind(t.at('server'));
      again.set('SO_REUSEADDR', 1);
      again.bind(t.at('server'));
      again.listen(1);
    },
  },
  {
    id: 'bind: a port whose connection is still open',
    run(t) {
      const { listener } = t.connected();
      listener.close();
      const again = t.tcp('server', 'again');
      again.bind(t.at('server'));
      again.set('SO_REUSEADDR', 1);
      again.bind(t.at('server'));
    },
  },
  {
    id: 'bind: the port that connect chose is nobody else’s',
    run(t) {
      const { client } = t.connected();
      const port = t.quietly(() => client.getsockname());
      const other = t.tcp('client', 'other');
      other.bind(t.at('client', port));
      other.set('SO_REUSEADDR', 1);
      other.bind(t.at('client', port));
    },
  },
  {
    id: 'bind: IPv6 and IPv4 on one port, with and without IPV6_V6ONLY',
    run(t) {
      const both = t.tcp('server', 'both', AF_INET6);
      both.bind(t.any(PORT, AF_INET6));
      t.tcp('server', 'v4').bind(t.any());
      t.tcp('server', 'v4 address').bind(t.at('server'));
      const only = t.tcp('server', 'only', AF_INET6);
      only.set('IPV6_V6ONLY', 1);
      only.bind(t.any(PORT + 1, AF_INET6));
      t.tcp('server', 'v4').bind(t.any(PORT + 1));
      const second = t.tcp('server', 'second', AF_INET6);
      second.set('IPV6_V6ONLY', 1);
      second.bind(t.any(PORT, AF_INET6));
    },
  },
];
