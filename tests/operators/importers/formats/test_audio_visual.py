# ruff: noqa: E501
"""Datasets with sound: what counts is the label of the pictures; sound alone is kept apart."""

from __future__ import annotations

import json

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import

AS_IS = ImportOptions(derive_splits="never")
FAVC = """
RealVideo-RealAudio/African/men/id00076/00109.mp4
RealVideo-FakeAudio/African/men/id00076/00109_fake.mp4
FakeVideo-RealAudio/African/men/id00076/00109_id00476_faceswap.mp4
FakeVideo-FakeAudio/Asian (East)/women/id00012/00005_2_id00166_wavtolip.mp4
"""
HEADER = "source,target1,target2,method,category,type,race,gender,path,\n"
ROWS = (
    "id00076,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,FakeAVCeleb/RealVideo-RealAudio/African/men/id00076\n"
    "id00076,-,-,rtvc,B,RealVideo-FakeAudio,African,men,00109_fake.mp4,FakeAVCeleb/RealVideo-FakeAudio/African/men/id00076\n"
    "id00076,id00476,-,faceswap,C,FakeVideo-RealAudio,African,men,00109_id00476_faceswap.mp4,FakeAVCeleb/FakeVideo-RealAudio/African/men/id00076\n"
    "id00012,2,id00166,wav2lip,D,FakeVideo-FakeAudio,Asian (East),women,00005_2_id00166_wavtolip.mp4,FakeAVCeleb/FakeVideo-FakeAudio/Asian (East)/women/id00012\n"
    "id00099,-,-,real,A,RealVideo-RealAudio,African,men,00001.mp4,FakeAVCeleb/RealVideo-RealAudio/African/men/id00099\n"
)
FAVC_TABLE = """
video_id                                                                                label audio_label method   family    target_id source_id pair_status group @race        @gender @subset             @audio_method
FakeAVCeleb/RealVideo-RealAudio/African/men/id00076/00109                               0     real        original none      id00076   -         none        a     African      men     RealVideo-RealAudio -
FakeAVCeleb/RealVideo-FakeAudio/African/men/id00076/00109_fake                          0     fake        original none      id00076   -         present     a     African      men     RealVideo-FakeAudio rtvc
FakeAVCeleb/FakeVideo-RealAudio/African/men/id00076/00109_id00476_faceswap              1     real        faceswap face_swap id00076   id00476   present     a     African      men     FakeVideo-RealAudio -
FakeAVCeleb/FakeVideo-FakeAudio/Asian~(East)/women/id00012/00005_2_id00166_wavtolip     1     fake        wav2lip  lip_sync  id00012   -         missing     b     Asian~(East) women   FakeVideo-FakeAudio -
"""


def test_fakeavceleb(plant, agree):
    plan = plan_import(
        plant("FakeAVCeleb_v1.2", FAVC, {"meta_data.csv": HEADER + ROWS}), options=AS_IS
    )
    agree(plan, FAVC_TABLE)
    missing = [m.path for m in plan.report.missing]
    assert missing == ["RealVideo-RealAudio/African/men/id00099/00001.mp4"]
    assert any("manipulated sound only" in text for text in plan.report.warnings)


def test_fakeavceleb_with_the_other_header(plant, agree):
    other = HEADER.replace("path,", "filename,path")
    plan = plan_import(plant("FakeAVCeleb", FAVC, {"meta_data.csv": other + ROWS}), options=AS_IS)
    agree(plan, FAVC_TABLE)


def test_fakeavceleb_without_its_list(plant):
    plan = plan_import(plant("FakeAVCeleb", FAVC), options=AS_IS)
    assert [(r.label, r.method) for r in plan.records] == [
        (1, "wav2lip"),
        (1, "faceswap"),
        (0, "original"),
        (0, "original"),
    ]


def test_fakeavceleb_bad_row(plant):
    with pytest.raises(ForensicsError, match=r"meta_data.csv, line 2"):
        plan_import(plant("FakeAVCeleb", FAVC, {"meta_data.csv": HEADER + "id1,-,-\n"}))


def test_sound_alone_can_be_left_out(plant):
    root = plant("FakeAVCeleb", FAVC, {"meta_data.csv": HEADER + ROWS})
    plan = plan_import(root, options=ImportOptions(audio_only="exclude", derive_splits="never"))
    assert not [r for r in plan.records if r.label == 0 and r.audio_label == "fake"]
    assert len(plan.records) == 3
    assert plan.report.found == 4


def test_deepspeak_v1(plant, agree):
    root = plant(
        "deepspeak_v1_1",
        """
        real/{10-4100,11-4897,12-1}.mp4
        fake/{facefusion--10-11--4100-4897--0,wav2lip--12-12--1-99--3}.mp4
        fake/unknown--1-2--3-4--5.mp4
        """,
        {"annotations-split-def.csv": "identity,split\n10,train\n11,test\n12,train\n"},
    )
    plan = plan_import(root)
    assert plan.importer.name == "deepspeak-v1"
    agree(
        plan,
        """
video_id                                                     label method     family    split target_id source_id pair_id                    pair_status group
DeepSpeak-v1/real/10-4100                                    0     original   none      train 10        -         -                          none        a
DeepSpeak-v1/real/11-4897                                    0     original   none      test  11        -         -                          none        a
DeepSpeak-v1/real/12-1                                       0     original   none      train 12        -         -                          none        b
DeepSpeak-v1/facefusion/facefusion--10-11--4100-4897--0      1     facefusion face_swap test  11        10        DeepSpeak-v1/real/11-4897  present     a
DeepSpeak-v1/wav2lip/wav2lip--12-12--1-99--3                 1     wav2lip    lip_sync  train 12        12        DeepSpeak-v1/real/12-99    missing     b
""",
    )
    assert plan.report.unexplained == ["fake/unknown--1-2--3-4--5.mp4"]
    kinds = {c.kind for c in plan.report.crossings}
    assert kinds == {"group", "identity"}


def test_deepspeak_v2(plant, agree):
    root = plant(
        "deepspeak_v2",
        "videos/{7-6868,8-6860}.mp4\nvideos/{diff2lip-6868-6860-playht,memo-1-2-natural}.mp4",
        {
            "annotations-split-def.csv": "identity,split\n7,train\n8,train\n",
            "annotations-fake.csv": "video-file,kind,engine,identity-source,identity-target,recording-source,recording-target,audio-config\n"
            "diff2lip-6868-6860-playht.mp4,lip-sync,diff2lip,7,8,6868,6860,playht\n"
            "liveportrait-3-4-x.mp4,avatar,liveportrait,7,8,3,4,x\n",
        },
    )
    plan = plan_import(root)
    assert plan.importer.name == "deepspeak-v2"
    agree(
        plan,
        """
video_id                                            label method   family       split target_id source_id pair_id                   pair_status group @audio_config
DeepSpeak-v2/real/7-6868                            0     original none         train 7         -         -                         none        a     -
DeepSpeak-v2/real/8-6860                            0     original none         train 8         -         -                         none        a     -
DeepSpeak-v2/diff2lip/diff2lip-6868-6860-playht     1     diff2lip lip_sync     train 8         7         DeepSpeak-v2/real/8-6860  present     a     playht
DeepSpeak-v2/memo/memo-1-2-natural                  1     memo     talking_face -     -         -         -                         none        b     natural
""",
    )
    assert [m.path for m in plan.report.missing] == ["liveportrait-3-4-x.mp4"]


def test_polyglotfake(plant, agree):
    root = plant(
        "PolyGlotFake",
        """
        real/es/{es_1,es_2}.mp4
        fake/to_ru/{es_1_to_ru_xtts_wav2lip,es_2_to_ru_bark_videoretalking}.mp4
        fake/to_zh/en_7_to_zh_xtts.mp4
        """,
        {
            "real_json_files/es.json": json.dumps(
                {
                    "videos": [
                        {
                            "filename": "es_1.mp4",
                            "source": "x",
                            "characters": [{"age": "30", "sex": "female"}],
                        }
                    ]
                }
            )
        },
    )
    agree(
        plan_import(root, options=AS_IS),
        """
video_id                                            label audio_label method         family   pair_id                pair_status group @language @source_language @sex
PolyGlotFake/real/es_1                              0     real        original       none     -                      none        a     es        -                female
PolyGlotFake/real/es_2                              0     real        original       none     -                      none        b     es        -                -
PolyGlotFake/to_ru/es_1_to_ru_xtts_wav2lip          1     fake        Wav2Lip        lip_sync PolyGlotFake/real/es_1 present     a     ru        es               female
PolyGlotFake/to_ru/es_2_to_ru_bark_videoretalking   1     fake        VideoRetalking lip_sync PolyGlotFake/real/es_2 present     b     ru        es               -
PolyGlotFake/to_zh/en_7_to_zh_xtts                  1     fake        PolyGlotFake   lip_sync PolyGlotFake/real/en_7 missing     c     zh        en               -
""",
    )


def test_idforge(plant, agree):
    root = plant(
        "IDForge_v1",
        """
        pristine/id00/id00_03/id00_scene_0010-0.mp4
        face_tts/id00/id00_03/id00_scene_0015_0_infoswap.mp4
        lip_rvc_textmismatch/id01/id01_01/id01_scene_0012.mp3.mp4
        rvc_textmismatch/id00/id00_03/id00_scene_0014.mp3.mp4
        """,
        {
            "train.csv": "pristine/id00/id00_03/id00_scene_0010-0.mp4\nface_tts/id00/id00_03/id00_scene_0015_0_infoswap.mp4\n",
            "val.csv": "",
            "test.csv": "lip_rvc_textmismatch/id01/id01_01/id01_scene_0012.mp3.mp4\nrvc_textmismatch/id09/id09_01/gone.mp4\n",
        },
    )
    plan = plan_import(root)
    agree(
        plan,
        """
video_id                                                              label audio_label method               family    split @identity @subset              pair_status group
IDForge-v1/pristine/id00/id00_03/id00_scene_0010-0                    0     real        original             none      train id00      pristine             none        a
IDForge-v1/face_tts/id00/id00_03/id00_scene_0015_0_infoswap           1     fake        infoswap             face_swap train id00      face_tts             none        a
IDForge-v1/lip_rvc_textmismatch/id01/id01_01/id01_scene_0012.mp3      1     fake        lip_rvc_textmismatch lip_sync  test  id01      lip_rvc_textmismatch none        b
IDForge-v1/rvc_textmismatch/id00/id00_03/id00_scene_0014.mp3          0     fake        original             none      -     id00      rvc_textmismatch     none        a
""",
    )
    assert [m.path for m in plan.report.missing] == ["rvc_textmismatch/id09/id09_01/gone.mp4"]


LAVDF = [
    {
        "file": "train/000001.mp4",
        "n_fakes": 0,
        "fake_periods": [],
        "modify_video": False,
        "modify_audio": False,
        "original": None,
        "split": "train",
    },
    {
        "file": "train/000002.mp4",
        "n_fakes": 1,
        "fake_periods": [[0.5, 0.9]],
        "modify_video": True,
        "modify_audio": True,
        "original": "000001.mp4",
        "split": "train",
    },
    {
        "file": "train/000003.mp4",
        "n_fakes": 1,
        "fake_periods": [[0.5, 0.9]],
        "modify_video": False,
        "modify_audio": True,
        "original": "train/000001.mp4",
        "split": "train",
    },
    {
        "file": "dev/000004.mp4",
        "n_fakes": 1,
        "fake_periods": [[1, 2]],
        "modify_video": True,
        "modify_audio": False,
        "original": "000009.mp4",
        "split": "dev",
    },
    {
        "file": "test/000005.mp4",
        "n_fakes": 0,
        "fake_periods": [],
        "modify_video": False,
        "modify_audio": False,
        "original": None,
        "split": "test",
    },
]


def test_lav_df(plant, agree):
    root = plant(
        "LAV-DF",
        "train/{000001,000002,000003}.mp4\ndev/000004.mp4",
        {"metadata.json": json.dumps(LAVDF)},
    )
    plan = plan_import(root)
    agree(
        plan,
        """
video_id               label audio_label method   family   split pair_id              pair_status group @n_fakes @fake_segments
LAV-DF/train/000001    0     real        original none     train -                    none        a     0        -
LAV-DF/train/000002    1     fake        LAV-DF   lip_sync train LAV-DF/train/000001  present     a     1        [[0.5,~0.9]]
LAV-DF/train/000003    0     fake        original none     train LAV-DF/train/000001  present     a     1        [[0.5,~0.9]]
LAV-DF/dev/000004      1     real        LAV-DF   lip_sync val   LAV-DF/dev/000009    missing     b     1        [[1,~2]]
""",
    )
    assert [m.path for m in plan.report.missing] == ["test/000005.mp4"]


def test_lav_df_without_a_label(plant):
    rows = [*LAVDF, {"file": "train/000006.mp4", "modify_video": None}]
    root = plant("LAV-DF", "train/{000001,000006}.mp4", {"metadata.json": json.dumps(rows)})
    with pytest.raises(ForensicsError, match=r"metadata.json, entry 6"):
        plan_import(root)


def test_av_deepfake1m(plant, agree):
    def row(name, kind, **more):
        return {
            "file": f"id00012/21Uxsk56VDQ/00001/{name}.mp4",
            "original": "id00012/21Uxsk56VDQ/00001/real.mp4" if kind != "real" else None,
            "split": "train",
            "modify_type": kind,
            **more,
        }

    root = plant(
        "AV-Deepfake1M",
        """
        train/id00012/21Uxsk56VDQ/00001/{real,fake_video_fake_audio,real_video_fake_audio,fake_video_real_audio}.mp4
        val/id00021/x/00002/fake_video_real_audio.mp4
        test/000000.mp4
        """,
        {
            "train_metadata.json": json.dumps(
                [
                    row("real", "real"),
                    row(
                        "fake_video_fake_audio",
                        "both_modified",
                        visual_fake_segments=[[0.1, 0.4]],
                        audio_model="vits",
                    ),
                    row("real_video_fake_audio", "audio_modified"),
                    row("fake_video_real_audio", "visual_modified", video_model="Talklip"),
                ]
            ),
            "val_metadata.json": json.dumps(
                [
                    {
                        "file": "id00021/x/00002/fake_video_real_audio.mp4",
                        "original": "VoxCeleb2/dev/mp4/id00021/x/00002.mp4",
                        "modify_type": "visual_modified",
                    }
                ]
            ),
        },
    )
    plan = plan_import(root)
    agree(
        plan,
        """
video_id                                                                    label audio_label method        split @identity pair_status group @fake_segments
AV-Deepfake1M/train/id00012/21Uxsk56VDQ/00001/real                          0     real        original      train id00012   none        a     -
AV-Deepfake1M/train/id00012/21Uxsk56VDQ/00001/fake_video_fake_audio         1     fake        AV-Deepfake1M train id00012   present     a     [[0.1,~0.4]]
AV-Deepfake1M/train/id00012/21Uxsk56VDQ/00001/real_video_fake_audio         0     fake        original      train id00012   present     a     -
AV-Deepfake1M/train/id00012/21Uxsk56VDQ/00001/fake_video_real_audio         1     real        Talklip       train id00012   present     a     -
AV-Deepfake1M/val/id00021/x/00002/fake_video_real_audio                     1     real        AV-Deepfake1M val   id00021   missing     b     -
""",
    )
    assert plan.report.skipped == {"test": "the test split has no labels"}
    assert plan.report.unexplained == []


def test_av_deepfake1m_unknown_type(plant):
    root = plant(
        "AV1M",
        "train/a/real.mp4",
        {"train_metadata.json": json.dumps([{"file": "a/real.mp4", "modify_type": "shuffled"}])},
    )
    with pytest.raises(ForensicsError, match=r"entry 1.*shuffled"):
        plan_import(root)


def test_av_deepfake1m_with_the_split_in_its_paths(plant):
    rows = [
        {"file": "train/a/real.mp4", "original": None, "modify_type": "real"},
        {
            "file": "train/a/fake.mp4",
            "original": "train/a/real.mp4",
            "modify_type": "both_modified",
        },
    ]
    root = plant("AV1M", "train/a/{real,fake}.mp4", {"train_metadata.json": json.dumps(rows)})
    records = {r.video_id: r for r in plan_import(root).records}
    assert set(records) == {"AV-Deepfake1M/train/a/real", "AV-Deepfake1M/train/a/fake"}
    assert records["AV-Deepfake1M/train/a/fake"].pair_status == "present"


def test_fakeavceleb_type_and_folder_that_contradict(plant):
    rows = ROWS.replace(
        "RealVideo-RealAudio,African,men,00109", "FakeVideo-RealAudio,African,men,00109"
    )
    plan = plan_import(plant("FakeAVCeleb", FAVC, {"meta_data.csv": HEADER + rows}), options=AS_IS)
    assert "the folder's label is used" in plan.report.conflicts[0]
    assert {r.label for r in plan.records if "RealVideo-RealAudio" in r.video_id} == {0}
