/** Options of levels IPPROTO_TCP, IPPROTO_IP and IPPROTO_IPV6. */
import { AF_INET6, POLL } from '@netmem/uapi';
import type { OptionName } from '../names.ts';
import type { Scenario } from '../scenario-run.ts';

/** Sets each value and reads back what became of it. */
function values(option: OptionName, list: readonly number[]): Scenario {
  return {
    id: `${option}: values`,
    run(t) {
      const x = t.tcp('client', 'x', option.startsWith('IPV6') ? AF_INET6 : undefined);
      x.get(option);
      for (const value of list) {
        x.set(option, value);
        x.get(option);
      }
    },
  };
}

/** The bytes of a name. */
const NAME = (text: string): Uint8Array => new TextEncoder().encode(text);

export const TCP_OPTIONS: readonly Scenario[] = [
  values('TCP_NODELAY', [1, 0, 5, -1]),
  values('TCP_CORK', [1, 0, 5, -1]),
  values('TCP_MAXSEG', [87, 88, 536, 1460, 32_767, 32_768, 0, -1]),
  values('TCP_QUICKACK', [0, 1, 2, 3, -1]),
  values('TCP_SYNCNT', [0, 1, 127, 128, -1]),
  values('TCP_LINGER2', [0, 1, 60, 119, 120, 121, 1_000_000, -1, -100]),
  values('TCP_USER_TIMEOUT', [0, 1, 1000, 0x7fffffff, -1]),
  values('TCP_KEEPIDLE', [0, 1, 32_767, 32_768, -1]),
  values('TCP_KEEPINTVL', [0, 1, 32_767, 32_768, -1]),
  values('TCP_KEEPCNT', [0, 1, 127, 128, -1]),
  values('TCP_INQ', [1, 0, 2, -1]),
  values('TCP_WINDOW_CLAMP', [0, 1, 2000, 100_000]),
  values('IP_TTL', [1, 64, 255, 256, 0, -1, -2]),
  values('IP_TOS', [0, 0x10, 0xb8, 0xff, 0x1ff, -1]),
  values('IPV6_UNICAST_HOPS', [0, 1, 255, 256, -1, -2]),
  values('IPV6_V6ONLY', [1, 0, 5]),
  {
    id: 'TCP options: what can be read and is not there to be set',
    run(t) {
      const x = t.tcp('client', 'x');
      x.set('TCP_INFO', 1);
      x.get('TCP_NODELAY', 1);
    },
  },
  {
    id: 'TCP keepalive options: times and counts',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const name of ['TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT'] as const) {
        x.get(name);
        x.set(name, 100);
        x.get(name);
        x.set(name, 0);
        x.set(name, 32_768);
      }
    },
  },
  values('TCP_DEFER_ACCEPT', [0, 1, 2, 3, 4, 7, 8, 100, 1000, 100_000, -1]),
  values('TCP_NOTSENT_LOWAT', [0, 1, 1000, 0x7fffffff, -1]),
  {
    id: 'TCP_NOTSENT_LOWAT: what does not fit into the window counts',
    run(t) {
      const { client, server } = t.connected({ tune: (_c, l) => l.set('SO_RCVBUF', 4000) });
      client.set('TCP_NOTSENT_LOWAT', 1);
      client.fill();
      client.poll();
      client.send('a');
      server.drain();
      client.until(POLL.OUT);
    },
  },
  {
    id: 'TCP_DEFER_ACCEPT: nothing to accept until data come',
    run(t) {
      const l = t.tcp('server', 'l');
      l.set('TCP_DEFER_ACCEPT', 5);
      l.bind(t.at('server'));
      l.listen(5);
      const c = t.tcp('client', 'c');
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      l.poll();
      l.accept('s');
      c.send('speak');
      l.until(POLL.IN);
      const s = l.accept('s');
      s.recv(10);
      s.get('TCP_DEFER_ACCEPT');
    },
  },
  {
    id: 'TCP_CONGESTION: names, lengths, who gets it',
    run(t) {
      const x = t.tcp('client', 'x');
      x.set('TCP_CONGESTION', NAME('reno'));
      for (const room of [0, 2, 4, 5, 16, 20]) x.get('TCP_CONGESTION', room);
      x.set('TCP_CONGESTION', NAME('cubic\0 and more that nobody reads'));
      x.get('TCP_CONGESTION', 16);
      x.set('TCP_CONGESTION', NAME('nothing'));
      x.set('TCP_CONGESTION', NAME('a name longer than fifteen'));
      x.set('TCP_CONGESTION', NAME('reno'), 3);
      x.set('TCP_CONGESTION', NAME('cubic'), 0);
      x.set('TCP_CONGESTION', null, 5);
      x.set('TCP_CONGESTION', Uint8Array.of(0));
      x.get('TCP_CONGESTION', 16);
      const { client, server } = t.connected({
        tune(c, l) {
          c.set('TCP_CONGESTION', NAME('reno'));
          l.set('TCP_CONGESTION', NAME('reno'));
        },
      });
      server.get('TCP_CONGESTION', 16);
      client.set('TCP_CONGESTION', NAME('cubic'));
      client.get('TCP_CONGESTION', 16);
      client.send('on all the same');
      server.recv(20);
    },
  },
  {
    id: 'IP options: a byte instead of an int',
    run(t) {
      const x = t.tcp('client', 'x');
      for (const name of ['IP_TTL', 'IP_TOS'] as const) {
        x.set(name, Uint8Array.of(8));
        x.get(name);
        x.set(name, Uint8Array.of(12, 1));
        x.get(name);
        x.set(name, Uint8Array.of(12, 1, 0));
        x.get(name);
        x.set(name, Uint8Array.of(16, 0, 0, 0, 9));
        x.get(name);
        for (const length of [0, 1, 4]) x.set(name, null, length);
        x.set(name, 1, -1);
      }
    },
  },
  {
    id: 'IPV6 options: on sockets of either family, lengths and NULL',
    run(t) {
      const v4 = t.tcp('client', 'v4');
      v4.set('IPV6_V6ONLY', 1);
      v4.get('IPV6_V6ONLY');
      const v6 = t.tcp('client', 'v6', AF_INET6);
      v6.set('IP_TTL', 7);
      v6.get('IP_TTL');
      v6.get('IPV6_UNICAST_HOPS');
      for (const name of ['IPV6_V6ONLY', 'IPV6_UNICAST_HOPS'] as const) {
        for (const length of [0, 1, 3, 4, 5]) v6.set(name, Uint8Array.of(1), length);
        for (const length of [0, 3, 4]) v6.set(name, null, length);
      }
      v6.setRaw(41, 199, 1, undefined, 'IPV6 199');
      v6.setRaw(41, 199, Uint8Array.of(1), 1, 'IPV6 199');
    },
  },
  {
    id: 'IPV6_V6ONLY: not after bind',
    run(t) {
      const x = t.tcp('server', 'x', AF_INET6);
      x.bind(t.any(0, AF_INET6));
      x.set('IPV6_V6ONLY', 1);
      x.get('IPV6_V6ONLY');
      x.set('IPV6_V6ONLY', 0);
    },
  },
  {
    id: 'TCP_MAXSEG: before listening and connecting, and after',
    run(t) {
      const { client, server, listener } = t.connected({
        tune(c, l) {
          l.set('TCP_MAXSEG', 1000);
          c.set('TCP_MAXSEG', 900);
        },
      });
      listener.get('TCP_MAXSEG');
      server.get('TCP_MAXSEG');
      client.get('TCP_MAXSEG');
      client.set('TCP_MAXSEG', 700);
      client.get('TCP_MAXSEG');
    },
  },
  {
    id: 'TCP_INQ: what is left, with MSG_PEEK, with too little room, at the end',
    run(t) {
      const { client, server } = t.connected();
      server.set('TCP_INQ', 1);
      client.send('abcdefghij');
      server.recvmsg({ iov: [3], control: 64 });
      server.recvmsg({ iov: [3], control: 64 }, 2);
      server.recvmsg({ iov: [3] });
      server.recvmsg({ iov: [1], control: 16 });
      server.recvmsg({ iov: [1], control: 19 });
      server.recvmsg({ iov: [1], control: 20 });
      server.recvmsg({ iov: [0], control: 64 });
      client.close();
      server.recvmsg({ iov: [10], control: 64 });
      server.recvmsg({ iov: [10], control: 64 });
      server.recvmsg({ iov: [10], control: 64 });
    },
  },
  {
    id: 'TCP_QUICKACK and TCP_NODELAY: on a connection',
    run(t) {
      const { client, server } = t.connected();
      for (const x of [client, server]) {
        x.set('TCP_QUICKACK', 0);
        x.get('TCP_QUICKACK');
        x.set('TCP_QUICKACK', 1);
        x.get('TCP_QUICKACK');
        x.set('TCP_NODELAY', 1);
        x.get('TCP_NODELAY');
      }
    },
  },
];
