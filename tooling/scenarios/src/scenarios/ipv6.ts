/** IPv6, and IPv4 by way of IPv6 sockets. */
import { AF_INET, AF_INET6, POLL, SHUT_WR } from '@netmem/uapi';
import { PORT, type Scenario } from '../scenario-run.ts';

export const IPV6_SCENARIOS: readonly Scenario[] = [
  {
    id: 'IPv6: a TCP connection',
    run(t) {
      const { client, server } = t.connected({ family: AF_INET6 });
      client.getsockname();
      client.getpeername();
      server.getsockname();
      server.getpeername();
      client.send('over IPv6');
      server.recv(20);
      server.shutdown(SHUT_WR);
      client.recv(20);
      client.close();
      server.poll();
    },
  },
  {
    id: 'IPv6: refused, and nowhere',
    run(t) {
      const c = t.tcp('client', 'c', AF_INET6);
      c.connect(t.at('server', PORT, AF_INET6));
      c.until(POLL.OUT);
      c.connect(t.at('server', PORT, AF_INET6));
      c.connect({ ip: '2001:db8::1', port: PORT });
      c.connect({ ip: 'ff02::1', port: PORT });
      c.getsockname();
      c.bind({ ip: '2001:db8::1', port: PORT });
      c.bind({ ip: 'ff02::1', port: PORT });
    },
  },
  {
    id: 'IPv6: a listener takes IPv4 connections too, as mapped addresses',
    run(t) {
      const l = t.tcp('server', 'l', AF_INET6);
      l.bind(t.any(PORT, AF_INET6));
      l.listen(4);
      l.getsockname();
      const c = t.tcp('client', 'c');
      c.bind(t.at('client', 0));
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      const s = l.accept('s');
      s.getsockname();
      s.getpeername();
      s.get('SO_DOMAIN');
      c.send('mapped');
      s.recv(10);
    },
  },
  {
    id: 'IPv6: IPV6_V6ONLY keeps IPv4 out',
    run(t) {
      const l = t.tcp('server', 'l', AF_INET6);
      l.set('IPV6_V6ONLY', 1);
      l.bind(t.any(PORT, AF_INET6));
      l.listen(4);
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.connect(t.at('server'));
      const d = t.tcp('client', 'd', AF_INET6);
      d.connect(t.at('server', PORT, AF_INET6));
      d.until(POLL.OUT);
      l.accept('s').get('IPV6_V6ONLY');
    },
  },
  {
    id: 'IPv6: connecting to a mapped address, bound to one, with IPV6_V6ONLY',
    run(t) {
      t.listener(4, AF_INET);
      const c = t.tcp('client', 'c', AF_INET6);
      c.connect(t.mapped('server'));
      c.until(POLL.OUT);
      c.connect(t.mapped('server'));
      c.getsockname();
      c.getpeername();
      const b = t.tcp('client', 'b', AF_INET6);
      b.bind(t.mapped('client', PORT + 1));
      b.getsockname();
      b.connect(t.at('server', PORT, AF_INET6));
      b.connect(t.mapped('server'));
      const only = t.tcp('client', 'only', AF_INET6);
      only.set('IPV6_V6ONLY', 1);
      only.connect(t.mapped('server'));
      only.bind(t.mapped('client', PORT + 2));
      const six = t.tcp('client', 'six', AF_INET6);
      six.bind(t.at('client', PORT + 3, AF_INET6));
      six.connect(t.mapped('server'));
    },
  },
  {
    id: 'IPv6: addresses of the wrong family for an IPv4 socket',
    run(t) {
      const x = t.tcp('client', 'x');
      x.bind(t.at('client', PORT, AF_INET6));
      x.bind(t.any(PORT, AF_INET6));
      x.connect(t.at('server', PORT, AF_INET6));
      const u = t.udp('client', 'u');
      u.bind(t.at('client', PORT, AF_INET6));
      u.connect(t.at('server', PORT, AF_INET6));
      u.sendTo(t.at('server', PORT, AF_INET6), 'a');
    },
  },
  {
    id: 'IPv6: to the unspecified address',
    run(t) {
      const c = t.tcp('client', 'c', AF_INET6);
      c.connect(t.any(PORT, AF_INET6));
      c.until(POLL.OUT);
      c.connect(t.any(PORT, AF_INET6));
      const d = t.tcp('client', 'd');
      d.connect(t.any());
      d.until(POLL.OUT);
      d.connect(t.any());
    },
  },
  {
    id: 'IPv6: UDP, with sender and truncation',
    run(t) {
      const { client, server } = t.datagramPair(AF_INET6);
      client.sendTo(t.at('server', PORT, AF_INET6), 'datagram');
      server.recvmsg({ iov: [4], name: true });
      client.connect(t.at('server', PORT, AF_INET6));
      client.getpeername();
      server.close();
      client.send('a');
      client.until(POLL.ERR);
      client.recv(1);
      client.connect(null);
      client.getsockname();
      client.getpeername();
    },
  },
  {
    id: 'IPv6: a UDP socket hears IPv4 as mapped, and answers',
    run(t) {
      const s = t.udp('server', 's', AF_INET6);
      s.bind(t.any(PORT, AF_INET6));
      const c = t.udp('client', 'c');
      c.bind(t.at('client', PORT + 1));
      c.sendTo(t.at('server'), 'by IPv4');
      s.recvmsg({ iov: [20], name: true });
      s.sendTo(t.mapped('client', PORT + 1), 'back');
      c.recv(20);
      s.connect(t.mapped('client', PORT + 1));
      s.getpeername();
      s.send('connected');
      c.recv(20);
    },
  },
];
