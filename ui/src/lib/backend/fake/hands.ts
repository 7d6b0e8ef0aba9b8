/** What a test may do to the simulation. */
import type { AppCommand, AppState, CallState, DeviceKind, DoorView, Language, LocalView, NoticeTopic, PersonView, ProblemCode, ReactionKind, RecordingStop, TransferView, UpdateAsk, UpdateView } from '../../bindings';
import type { Drag } from '../backend';
import type { RoomChange } from './group';

/** What the flow tests may do from outside, as `window.parleyFake`. */
export interface FakeHands {
  problem(code: ProblemCode, there: boolean): void;
  callState(state: CallState): void;
  otherLeaves(): void;
  local(change: Partial<LocalView>): void;
  unplug(kind: DeviceKind, name: string): void;
  /** Something happens at the call's door. */
  door(change: Partial<DoorView>): void;
  /** Something happens to what is shared. */
  share(change: Partial<AppState['share']>): void;
  /** The recording ends for this reason. */
  recordingEnds(why: RecordingStop): void;
  /** The other person changes, or goes. */
  person(change: Partial<PersonView> | null): void;
  /** Something changes in a room of several. */
  room(change: RoomChange): void;
  speak(language: Language): void;
  /** Whether figures are sent now. */
  watched(): boolean;
  commands(): readonly AppCommand[];
  opened(): readonly string[];
  message(text: string): void;
  answers(on: boolean): void;
  offered(name: string, size: number): void;
  file(id: string, change: Partial<TransferView>): void;
  drag(drag: Drag): void;
  /** A notification is clicked. */
  clicked(topic: NoticeTopic): void;
  reaction(kind: ReactionKind): void;
  hand(raised: boolean): void;
  update(change: Partial<UpdateView>): void;
  asked(): readonly UpdateAsk[];
}
