/** From two to three and back, as guests decide it: nobody misses anybody. */
import { beforeEach, expect, test } from 'vitest';
import { World, type Side } from './group-world';

let world: World;
let ada: Side;
let ben: Side;

beforeEach(() => {
  world = new World();
  ada = world.come('Ada');
  ben = world.come('Ben');
  world.connect(ada, ben);
  world.run(1000);
});

const forget = (...sides: Side[]) => sides.forEach(({ did, heard }) => [did, heard].forEach((list) => list.splice(0)));

test('the direct way stays until both have each other through the server', () => {
  forget(ada, ben);
  world.reachable = false;
  const eve = world.come('Eve');
  world.run(5000);
  expect([ada.hears, ben.hears], 'while nobody reaches the SFU').toEqual([['Ben'], ['Ada']]);
  expect(ada.did).not.toContain('part');
  world.reachable = true;
  for (let passed = 0; passed < 15_000; passed += 250) {
    world.run(250);
    expect(ada.hears).toContain('Ben');
    expect(ben.hears).toContain('Ada');
  }
  expect([ada.hears, ben.hears, eve.hears]).toEqual([['Ben', 'Eve'], ['Ada', 'Eve'], ['Ada', 'Ben']]);
  expect(ada.did).toContain('grouped beside');
  expect(ada.did.at(-1)).toBe('part');
  expect(eve.did, 'a newcomer meets nobody directly').not.toContain('meet');
});

test('when two are left they meet, and the server carries media until they have each other', () => {
  const eve = world.come('Eve');
  world.run(3000);
  forget(ada, ben);
  world.leave(eve);
  world.run(10_000);
  expect(ada.did).toEqual(['goes back', 'meet']);
  expect(ada.hears, 'nothing goes directly yet').toEqual(['Ben']);
  world.connect(ada, ben);
  world.run(1000);
  expect(ada.did).toEqual(['goes back', 'meet', 'close', 'paired off']);
  expect([ada.hears, ben.hears, ada.room.group.inForce]).toEqual([['Ben'], ['Ada'], false]);
});

test('a way to one person that fails ends nothing of a group', () => {
  world.come('Eve');
  world.run(250);
  expect(ada.room.onWayEnded()).toBe(true);
  world.run(5000);
  expect(ada.did.filter((one) => one.startsWith('end'))).toEqual([]);
  expect(ada.hears).toEqual(['Ben', 'Eve']);
});

test('people say how they are to everybody, and to who comes later', () => {
  ada.room.group.members.ownHand = true;
  const eve = world.come('Eve');
  world.run(1000);
  expect(eve.heard.filter((one) => one.startsWith('Ada'))).toEqual(['Ada media_state', 'Ada hand']);
  forget(eve);
  ada.room.group.members.react('heart');
  world.run(250);
  expect(eve.heard).toEqual(['Ada reaction']);
  const dan = world.come('Dan');
  forget(eve);
  world.run(1000);
  expect(dan.heard.filter((one) => one.startsWith('Ada'))).toEqual(['Ada media_state', 'Ada hand']);
  expect(eve.heard.filter((one) => one.startsWith('Ada')), 'nothing twice').toEqual([]);
  forget(eve, dan);
  ada.room.group.sayFrame('chat', eve.id, new TextEncoder().encode('hello'));
  world.run(250);
  expect([eve.heard, dan.heard.includes('Ada writes hello')]).toEqual([['Ada writes hello'], false]);
});

test('whom a host puts large is large for everybody, and for who comes later, until they leave', () => {
  const eve = world.come('Eve');
  world.run(1000);
  const put = (by: Side, who: Side | null) => {
    by.room.group.putInSpotlight(who && { participant: who.id, screen: false });
    world.run(250);
  };
  put(ben, ben);
  expect([ada.lit, eve.lit], 'of a guest it means nothing').toEqual([null, null]);
  put(ada, eve);
  const dan = world.come('Dan');
  world.run(1000);
  expect([ada.lit, ben.lit, eve.lit, dan.lit]).toEqual(['Eve', 'Eve', 'Eve', 'Eve']);
  put(ada, null);
  expect([ben.lit, eve.lit]).toEqual([null, null]);
  put(ada, dan);
  world.leave(dan);
  world.run(250);
  expect([ada.lit, ben.lit]).toEqual([null, null]);
});

test('files go over a connection of two, whoever of them came first, and that ends with the group', () => {
  const eve = world.come('Eve');
  world.run(3000);
  ada.room.group.sayFrame('files', eve.id, new TextEncoder().encode('plan.pdf'));
  world.run(250);
  expect([eve.heard.at(-1), ben.heard.at(-1) === 'Ada offers plan.pdf']).toEqual(['Ada offers plan.pdf', false]);
  const wants = (side: Side, other: Side, wanted: boolean) => side.room.wishFileWays(world.nowMs, [{ participant: other.id, wanted }]);
  wants(ada, eve, false);
  wants(eve, ada, true);
  world.run(500);
  expect([ada.paired, eve.paired, ben.paired]).toEqual([['Eve'], ['Ada'], []]);
  wants(ben, eve, true);
  world.run(500);
  expect([ben.paired, eve.paired], 'with whom there is nothing nobody is met').toEqual([[], ['Ada']]);
  world.leave(ben);
  world.run(10_000);
  expect(ada.did).toContain('goes back');
  world.connect(ada, eve);
  world.run(1000);
  expect([ada.paired, eve.paired]).toEqual([[], []]);
});

test('what goes over a connection of two goes on while a server that began anew names nobody yet', () => {
  const eve = world.come('Eve');
  world.run(3000);
  const wants = (side: Side, other: Side) => side.room.wishFileWays(world.nowMs, [{ participant: other.id, wanted: true }]);
  wants(ada, eve);
  wants(eve, ada);
  world.run(500);
  expect(ada.paired).toEqual(['Eve']);
  ada.room.onJoined(world.nowMs, ada.id, [{ id: ada.id, name: 'Ada', role: 'host', order: 0, away: false, listens: false }]);
  world.run(5000);
  expect([ada.paired, ada.room.missing.has(eve.id)]).toEqual([['Eve'], true]);
  world.run(60_000);
  expect([ada.paired, ada.room.missing.has(eve.id)]).toEqual([[], false]);
});

test('whoever was away asks for everything over a fresh connection', () => {
  world.come('Eve');
  world.run(3000);
  forget(ada);
  world.comeBack(ada);
  world.run(3000);
  expect(ada.did).toEqual(['open 2']);
  expect(ada.hears).toEqual(['Ben', 'Eve']);
});

test('of a server that says nothing of a group two talk as ever', () => {
  const alone = new World();
  const [one, two] = [alone.come('One'), alone.come('Two')];
  alone.run(2000);
  expect([one.did, two.did, one.room.group.inForce]).toEqual([['meet'], ['meet'], false]);
});

test('whose voice comes by two ways is taken from one', () => {
  const eve = world.come('Eve');
  world.run(250);
  const takes = () => ada.room.group.takesFromSfu(ben.id, 'microphone', ada.link);
  expect(takes(), 'nothing came from there yet').toBe(false);
  world.run(3000);
  expect(takes()).toBe(true);
  world.leave(eve);
  world.run(3500);
  expect(takes(), 'still the only way').toBe(true);
  if (ada.way) ada.way = { connected: true, up: true, wasUp: true };
  expect(takes(), 'directly from now on').toBe(false);
});

test('whoever only listens hears everybody and is heard by nobody until they may speak, over the same connection', () => {
  const eve = world.come('Eve', true);
  world.run(5000);
  expect([eve.hears, ada.hears, ben.hears]).toEqual([['Ada', 'Ben'], ['Ben'], ['Ada']]);
  expect([eve.room.listens, eve.offered?.publish]).toEqual([true, []]);
  expect(ada.room.people.map(({ listens }) => listens)).toEqual([false, true]);

  world.setListens(eve, false);
  world.run(3000);
  expect([eve.hears, ada.hears, ben.hears]).toEqual([['Ada', 'Ben'], ['Ben', 'Eve'], ['Ada', 'Eve']]);
  world.setListens(eve, true);
  world.run(3000);
  expect([eve.hears, eve.offered?.publish, ada.room.group.publications.has(eve.id, 'microphone')]).toEqual([['Ada', 'Ben'], [], false]);
  expect(eve.did.filter((one) => one.startsWith('open'))).toEqual(['open 1']);
});

test('listeners do not tell each other of their devices, and everybody once they may speak', () => {
  const eve = world.come('Eve', true);
  world.run(2000);
  const dan = world.come('Dan', true);
  world.run(2000);
  expect(dan.heard.filter((one) => one.startsWith('Eve'))).toEqual([]);
  eve.room.group.members.ownHand = true;
  world.run(1000);
  expect(dan.heard.filter((one) => one.startsWith('Eve'))).toEqual(['Eve hand']);
  world.setListens(eve, false);
  world.run(1000);
  expect(dan.heard.filter((one) => one.startsWith('Eve'))).toEqual(['Eve hand', 'Eve media_state']);
});

test('whom the server cuts off for what they sent is told so until they saw it, and comes back', () => {
  world.come('Eve');
  world.run(3000);
  const { group } = ada.room;
  const close = (reason: string) => {
    const connection = ada.offered?.connection ?? 0;
    ada.room.onRoom(world.nowMs, { type: 'sfu_closed', connection, reason });
    world.run(6000);
    return connection;
  };
  close('lost');
  expect([group.cutOff, group.up], 'a connection may be lost').toEqual([false, true]);
  const former = close('kicked');
  expect([group.cutOff, group.up]).toEqual([true, true]);
  group.cutOff = false;
  ada.room.onRoom(world.nowMs, { type: 'sfu_closed', connection: former, reason: 'kicked' });
  expect(group.cutOff, 'of one that is over already it is no news').toBe(false);
});

test('with sound only no camera is asked for, a screen has no limit, and it is no weak link', () => {
  const eve = world.come('Eve');
  world.run(3000);
  const { group } = eve.room;
  const asks = () => world.asked.get(eve.id);
  const cameras = () => asks()?.downs.filter(({ source }) => source === 'camera').length;
  expect([cameras(), asks()?.kbps_max, group.short]).toEqual([2, undefined, false]);
  const save = (kbps: number) => {
    group.members.ownMedia = { ...group.members.ownMedia, picture_kbps_max: kbps };
    world.run(500);
  };
  save(0);
  expect([cameras(), asks()?.kbps_max, group.soundOnly], 'the limit is of cameras, which are left out').toEqual([0, undefined, true]);
  save(250);
  expect([cameras(), asks()?.kbps_max, group.soundOnly]).toEqual([2, 250, false]);
  // Two of 150 kbit/s do not fit: the second is left out for that. Of a way that carries none, the first would fit.
  group.publications.take([ada, ben].map(({ id }, at) => ({ number: at + 1, participant: id, source: 'camera' as const, on: true, layers: [{ rid: 'q', width: 320, height: 180, kbps: 150 }] })), eve.id);
  const down = (id: string, state: 'flows' | 'paused') => ({ mid: id, participant: id, source: 'camera' as const, state, rid: state === 'flows' ? 'q' : null });
  group.downs = [down(ada.id, 'flows'), down(ben.id, 'paused')];
  expect([group.short, group.saves(down(ben.id, 'paused'))]).toEqual([false, true]);
  group.downs = [down(ada.id, 'paused'), down(ben.id, 'paused')];
  expect([group.short, group.saves(down(ben.id, 'paused'))]).toEqual([true, false]);
});

test('who asks for no pictures goes back to a call of two without waiting for one', () => {
  const eve = world.come('Eve');
  world.run(3000);
  ada.room.group.members.ownMedia = { ...ada.room.group.members.ownMedia, picture_kbps_max: 0 };
  world.leave(eve);
  world.run(10_000);
  world.connect(ada, ben);
  world.run(1000);
  expect(ada.did.at(-1)).toBe('paired off');
});
