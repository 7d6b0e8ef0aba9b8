import { beforeEach, expect, test } from 'vitest';
import { Deliveries } from './deliveries';

let told: string[];
let deliveries: Deliveries;
const done = () => told.splice(0);

beforeEach(() => {
  told = [];
  deliveries = new Deliveries((id, delivery) => told.push(`${id} ${delivery}`));
});

test('a message is delivered when the last one has it', () => {
  deliveries.said('m', ['a', 'b']);
  deliveries.delivered('m', 'a');
  expect(done()).toEqual([]);
  deliveries.delivered('m', 'b');
  deliveries.delivered('m', 'b');
  expect(done(), 'told once').toEqual(['m delivered']);
});

test('whoever does not answer in time is not waited for while somebody has it', () => {
  deliveries.said('m', ['a', 'b']);
  deliveries.delivered('m', 'a');
  deliveries.unanswered('m', 'b');
  expect(done()).toEqual(['m delivered']);
  deliveries.said('n', ['a', 'b']);
  deliveries.unanswered('n', 'a');
  deliveries.unanswered('n', 'b');
  deliveries.delivered('n', 'b');
  expect(done(), 'late').toEqual(['n not_delivered', 'n delivered']);
});

test('whoever leaves is not waited for, and who has another name is the same', () => {
  deliveries.said('m', ['', 'b']);
  deliveries.renamed('', 'a');
  deliveries.delivered('m', 'a');
  deliveries.left('b');
  expect(done()).toEqual(['m delivered']);
});

test('more than can be remembered are given up', () => {
  for (let at = 0; at < 512; at += 1) deliveries.said(`m${at}`, ['a']);
  expect(done()).toEqual([]);
  deliveries.said('more', ['a']);
  expect(done()).toEqual(['m0 not_delivered']);
});
