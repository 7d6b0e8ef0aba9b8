/** The WebGL2 way: three textures, one shader. For machines whose graphics hardware does this for nothing. */
import { fitCanvas, type Painter } from './draw';
import { planeSizes, type Picture } from './source';

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec2 at;
uniform sampler2D luma, blue, red;
out vec4 colour;
void main() {
  float y = 1.1644 * (texture(luma, at).r - 0.0627);
  float u = texture(blue, at).r - 0.502;
  float v = texture(red, at).r - 0.502;
  colour = vec4(y + 1.596 * v, y - 0.3918 * u - 0.813 * v, y + 2.0172 * u, 1.0);
}`;

export class WebGlPainter implements Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext;

  static on(canvas: HTMLCanvasElement): WebGlPainter | null {
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false });
    const program = gl ? link(gl) : null;
    return gl && program ? new WebGlPainter(canvas, gl, program) : null;
  }

  private constructor(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext, program: WebGLProgram) {
    this.#canvas = canvas;
    this.#gl = gl;
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    ['luma', 'blue', 'red'].forEach((name, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
    });
  }

  paint(picture: Picture): void {
    fitCanvas(this.#canvas, picture);
    const { width, height, planes } = picture;
    const { luma, chroma, chromaWidth } = planeSizes(width, height);
    const chromaHeight = (height + 1) >> 1;
    this.#gl.viewport(0, 0, width, height);
    this.#upload(0, planes.subarray(0, luma), width, height);
    this.#upload(1, planes.subarray(luma, luma + chroma), chromaWidth, chromaHeight);
    this.#upload(2, planes.subarray(luma + chroma), chromaWidth, chromaHeight);
    this.#gl.drawArrays(this.#gl.TRIANGLE_STRIP, 0, 4);
  }

  #upload(unit: number, plane: Uint8Array, width: number, height: number): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, plane);
  }
}

function link(gl: WebGL2RenderingContext): WebGLProgram | null {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind);
    if (!shader) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}
