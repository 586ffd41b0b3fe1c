"""What `dense3d watch` saw of a live system, as a table."""

from __future__ import annotations

from dense3d_ros.nodes.watch_seen import Seen


def table(seen: Seen) -> str:
    """What was seen, for a terminal of 100 columns."""
    lines = [f"watched for {seen.seconds:.1f} s; {seen.place}"]
    for topic in seen.depth:
        shown = (
            f"{topic.width}x{topic.height} {topic.encoding}, {topic.rate:.1f} Hz" if topic.messages else "nothing came"
        )
        lines += ["", f"{topic.name}", f"  {'image':<14}{shown}"]
        lines.append(f"  {'published by':<14}{', '.join(topic.publishers)} ({topic.reliability})")
        if topic.messages:
            lines.append(f"  {'frame':<14}{topic.frame_id} (RViz's Fixed Frame)")
            lines.append(f"  {'stamp age':<14}{topic.age * 1e3:.0f} ms")
            if not topic.fault:
                lines.append(f"  {'depth':<14}{topic.near:.2f} to {topic.far:.2f} m")
        if info := topic.info:
            fx, fy = info.focal_length
            lens = f", {info.lens}" if info.lens else ""
            lines.append(f"  {'camera info':<14}{info.name}, {info.rate:.1f} Hz, f = {fx:.1f}, {fy:.1f} pixels{lens}")
    for node in seen.hand_poses:
        lines += ["", node.name, f"  {'depth':<14}{node.depth_topic}", f"  {'camera info':<14}{node.info_topic}"]
        lines.append(f"  {'says':<14}{node.diagnostic or 'nothing'}")
    for said in seen.said:
        lines += ["", said.name, f"  {'says':<14}{said.text}"]
    for name, state in seen.models.items():
        lines += ["", name, f"  {'state':<14}{state or 'no answer'}"]
    return "\n".join(lines)
