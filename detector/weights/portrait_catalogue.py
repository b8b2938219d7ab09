"""Lists the portraits that the demonstration detector is trained on, and their packages.

They are pictures of people in website templates. Each package is under the MIT licence; none of
them names the photographer of a portrait, so no portrait is shown, shipped or passed on, and only
``make demo-detector`` fetches them.
"""

from __future__ import annotations

from .asset_catalogue import Footage, Package

PORTRAIT_PACKAGES = {
    "volt": Package(
        "npm",
        "@themesberg/volt-bootstrap-5-dashboard",
        "1.4.1",
        "themesberg-volt-bootstrap-5-dashboard-1.4.1.tgz",
        "6e775352a0fd8e6a337e7cce7cab1babb9b69983f926fdb136c693cc4a924966",
    ),
    "pixel": Package(
        "pip",
        "django-theme-pixel",
        "1.0.7",
        "django_theme_pixel-1.0.7.tar.gz",
        "819dae06459feb3d77314d1c59744fedb157c8ffaf447648bf41a21806c17b9a",
    ),
    "corporate": Package(
        "pip",
        "django-admin-corporate",
        "1.0.4",
        "django-admin-corporate-1.0.4.tar.gz",
        "c328876dae4b95557cf8ddac1f4ccea1869677dbb880d35709c339378903995d",
    ),
    "soft-ui": Package(
        "npm",
        "soft-ui-dashboard",
        "1.0.1",
        "soft-ui-dashboard-1.0.1.tgz",
        "a829e661517184f7a7a84f6cc86efa17a65d91e30807b6d2bf631bb34d94f1ee",
    ),
    "django-material-kit": Package(
        "pip",
        "django-theme-material-kit",
        "1.0.26",
        "django-theme-material-kit-1.0.26.tar.gz",
        "2dc1c843842d658fbd37c92ae407b106cfa4e0ad1d6385f290b9eab6a2818052",
    ),
    "material-kit": Package(
        "npm",
        "material-kit",
        "2.0.4",
        "material-kit-2.0.4.tgz",
        "543712c988b2697c61a7ef6c9527ebf850b21b56e1bdfd7258fc6d333f725602",
    ),
    "argon": Package(
        "npm",
        "@creative-tim-official/argon-dashboard-free",
        "1.2.0",
        "creative-tim-official-argon-dashboard-free-1.2.0.tgz",
        "0bc231aaf0cfc5425d67068dae6ea066a4c6228fee925823e54dfaa1b42b567a",
    ),
}

_LICENSE = "MIT package, photographer not named"
_FILES = {
    "volt": (
        "package/src/assets/img/team/",
        {
            "portrait-01": (
                "profile-picture-1.jpg",
                "7062269faa8d4b417974c6f857a210d8a1284baec20daaeeef7d6f5aeb7686a3",
            ),
            "portrait-02": (
                "profile-picture-2.jpg",
                "8fd5caa2673ab7da4c56acceb972be51cdcfa6bec289de75f87ad12a8b495a79",
            ),
            "portrait-03": (
                "profile-picture-3.jpg",
                "e17e60dae2f34019b691f8d22513fcb856dede259695a3133f646555d4e0a3a6",
            ),
            "portrait-04": (
                "profile-picture-4.jpg",
                "c208861b5396beb7195af79bdfd5445a0bf49b600f645a9b16409a2a96cc6144",
            ),
        },
    ),
    "pixel": (
        "django_theme_pixel-1.0.7/theme_pixel/static/assets/img/team/",
        {
            "portrait-05": (
                "profile-picture-1.jpg",
                "3719ba2bb3c852b336e372376a741b17c270dbda1c9ff081eb8da2779a9835e2",
            ),
            "portrait-06": (
                "profile-picture-2.jpg",
                "29007bc9467d97e9649f5aad226b123b62c730f76b890288ba9721d9345875d2",
            ),
            "portrait-07": (
                "profile-picture-3.jpg",
                "af60128ce7dab37b797c37f3d2eac6efc6472a661acd577505e3be23d85d8035",
            ),
            "portrait-08": (
                "profile-picture-4.jpg",
                "addac3d2a0e7944d179f336014355dc9e29a7d913ec9888e6e8b902ad9c6d32d",
            ),
        },
    ),
    "corporate": (
        "django-admin-corporate-1.0.4/admin_corporate/static/assets/img/",
        {
            "portrait-09": (
                "team-1.jpg",
                "5234bf073d4e302dc9be6964c1eecd8dc2d50febd1547c8806e075f8af908902",
            ),
            "portrait-10": (
                "team-3.jpg",
                "1ddbcd6edc80f9ec907150acc409e7f713e229dbd9e4392057d9c50670df02c3",
            ),
            "portrait-11": (
                "team-4.jpg",
                "fd8029ba0ce6836c05006d69411794805495560783c204fe89b49a7e22ba5fc2",
            ),
            "portrait-12": (
                "team-5.jpg",
                "a8613192bbca6598f3fd9a3298d7e0810a84d0b9d0d7b53322923d7c56f8bab7",
            ),
            "portrait-13": (
                "team-6.jpg",
                "40981ff6b1c452a0638a8ff52d4931d0ccb6d1370c7b8ad9fd350d2f50a275ee",
            ),
        },
    ),
    "soft-ui": (
        "package/assets/img/",
        {
            "portrait-14": (
                "bruce-mars.jpg",
                "1785e31719d6ea11f2d8dcafc4d9e4ab52527c26961f7d772bff25bbe63363f7",
            ),
            "portrait-15": (
                "ivana-square.jpg",
                "4f2ca50d3c98b052a9f55c83ba55227b83fd8245cec4512a478688da2933aaf6",
            ),
            "portrait-16": (
                "kal-visuals-square.jpg",
                "2f3df24b8102a35fdaa03b25698e992575aa19708af2ac3551f9a86d96b1e60c",
            ),
            "portrait-17": (
                "marie.jpg",
                "21329175be171b7448854b73fdd9abedfe88dffcfd0c38087e7466c1fe846dcb",
            ),
            "portrait-18": (
                "team-1.jpg",
                "941425c358be60bb27b7cf8f35fce31664b49519afeb5c595461a63e0fa30d1f",
            ),
            "portrait-19": (
                "team-3.jpg",
                "185e38699008cef30e1324663622eedd546a7ed4a45513ec7c6c9fcbe4708266",
            ),
        },
    ),
    "django-material-kit": (
        "django-theme-material-kit-1.0.26/theme_material_kit/static/assets/img/",
        {
            "portrait-20": (
                "ivana-square.jpg",
                "d5f3cb139b2d96b62db5cb06dc6ae80b8335c29be8fb7bc6f528542f7ba43290",
            ),
            "portrait-21": (
                "ivana-squares.jpg",
                "7a21484ae1b79965ed8fa0f0639884c85df14fab876d922cf7288339f8f4f5f7",
            ),
            "portrait-22": (
                "team-1.jpg",
                "c59024a17814b935fc9aa1b1d1d31f4ec8d18172ef43c2ec48c063e342e74219",
            ),
            "portrait-23": (
                "team-3.jpg",
                "a7ecd7c8f8f2f79d996a84121e85775089e66dee0c9b1532d99af525d0427ba2",
            ),
            "portrait-24": (
                "team-4.jpg",
                "5bff9832619d713f4608b3e6e5536919a7d0c66aa8db757c0f1046a925f3b03e",
            ),
            "portrait-25": (
                "team-5.jpg",
                "913bf21f6618557e3d7d91ca4349a6783efd442985358bf68a344049759f915f",
            ),
        },
    ),
    "material-kit": (
        "package/assets/img/faces/",
        {
            "portrait-27": (
                "camp.jpg",
                "8fa06b842cf5cb1060dba5ffd8453ba53868955b0c53411271b10375065340b2",
            ),
            "portrait-28": (
                "christian.jpg",
                "0dc30987496183f615616e1005ace5a639435dff78a6c00262cd27185d7a2f2f",
            ),
            "portrait-30": (
                "marc.jpg",
                "7b201c81b6fa950c09575484b0ace09eafeafdd3fafe52d83486c3e8d3b11a21",
            ),
            "portrait-31": (
                "card-profile1-square.jpg",
                "10e657796eb80be1d68df9278a76e388d759135f3b508484f5f3491a27315b0f",
            ),
            "portrait-32": (
                "card-profile5-square.jpg",
                "9414f0821b16e72e94a311f0d84f57f4bf3e972d1e7db67f8228a75d3353f5c7",
            ),
        },
    ),
    "argon": (
        "package/assets/img/theme/",
        {
            "portrait-33": (
                "profile-cover.jpg",
                "b3940f187c6ee2bb7a834dce95e4c2a226095e9f536c308413e3f4750c5afe16",
            ),
            "portrait-34": (
                "team-3.jpg",
                "57039be98d8607590780680c9538e4e622f8dd212957813fa09183aa169a345c",
            ),
            "portrait-35": (
                "team-4.jpg",
                "864e6ea12bbf6092847656a96ee2e81f29584209cfabe9ba0a6ee34a155142cc",
            ),
        },
    ),
}

PORTRAITS = {
    key: Footage(package, folder + name, sha256, _LICENSE)
    for package, (folder, files) in _FILES.items()
    for key, (name, sha256) in files.items()
}
